import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { intake, type ErrorCode } from '@mortise/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../app-error.js';
import type { Logger } from '../logger.js';
import { troubleBehind } from './behind.js';
import { traceIdOf } from './request.js';

const byStatus: Record<number, ErrorCode> = {
  400: 'INVALID_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  503: 'UNAVAILABLE',
};

/** Turns whatever was thrown into an error of the table: ours, Nest's, Fastify's own, or an internal one. */
export function toAppError(error: unknown, request: FastifyRequest): AppError {
  if (error instanceof AppError) return error;
  const behind = troubleBehind(error);
  if (behind) return behind;
  const status =
    error instanceof HttpException
      ? error.getStatus()
      : ((error as { statusCode?: number }).statusCode ?? 500);
  const path = request.url.split('?', 1)[0] ?? '';
  switch (byStatus[status]) {
    case 'NOT_FOUND':
      return new AppError('NOT_FOUND', { what: `${request.method} ${path}` });
    case 'BODY_TOO_LARGE':
      return new AppError('BODY_TOO_LARGE', { limit: intake.jsonBytes });
    case 'UNSUPPORTED_MEDIA_TYPE':
      return new AppError('UNSUPPORTED_MEDIA_TYPE', {
        expected: 'application/json',
        actual: request.headers['content-type'] ?? 'nothing',
      });
    case undefined:
      return new AppError('INTERNAL', {}, { cause: error });
    default:
      return new AppError(byStatus[status] ?? 'INTERNAL', {}, { cause: error });
  }
}

/** Answers any error as application/problem+json; the cause of an internal one goes to the log only. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): void {
  const known = toAppError(error, request);
  if (known.status >= 500)
    logger.error(
      { err: known.cause ?? known, traceId: traceIdOf(request), path: request.url.split('?', 1)[0] },
      'request failed',
    );
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  if (known.retry && (known.status === 429 || known.status === 503)) reply.header('retry-after', '1');
  if (known.status === 401) reply.header('www-authenticate', 'Bearer');
  void reply
    .status(known.status)
    .type('application/problem+json')
    .send(JSON.stringify(known.toProblem(request.url.split('?', 1)[0], traceIdOf(request))));
}

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.logger);
  }
}
