import type { ServerResponse } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import type { StateTable } from '@mortise/bus';
import type { InstallationStateData, Method } from '@mortise/contracts';
import {
  AppError,
  lifecycleHeader,
  principalHeader,
  sendProblem,
  signPrincipal,
  type Clock,
  type Logger,
} from '@mortise/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errors, type Dispatcher } from 'undici';
import { principalOf } from '../credentials/credential.js';
import { credentialOf } from '../credentials/require.js';
import { requestHeaders, responseHeaders } from './headers.js';
import type { Owner, Owners } from './owners.js';
import { caughtUpWith } from './read-your-writes.js';
import { uploadBody } from './upload-body.js';

export interface ForwarderOptions {
  owners: Owners;
  internalKey: string;
  installations: StateTable<InstallationStateData>;
  clock: Clock;
  logger: Logger;
}

const names: Record<Owner, string> = { registry: 'The registry', scheduler: 'The scheduler' };

/** Hands requests on to the service that owns the route and streams its answer back. */
export class Forwarder {
  private readonly live = new Set<ServerResponse>();

  constructor(private readonly o: ForwarderOptions) {}

  /**
   * Answers by itself, also when it fails: never rejects.
   * @param method of the row: an alias may come in by another one
   * @param path with the query, as the owner knows it
   * @param extra headers added to the answer
   */
  async forward(
    request: FastifyRequest,
    reply: FastifyReply,
    owner: Owner,
    method: Method,
    path: string,
    extra: Record<string, string> = {},
  ): Promise<void> {
    const left = new AbortController();
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) left.abort();
    });
    try {
      const answer = await this.ask(request, owner, method, path, left.signal);
      const { installations } = this.o;
      await caughtUpWith(installations, answer.headers[lifecycleHeader], method === 'DELETE');
      this.stream(reply, answer, extra);
    } catch (error) {
      if (left.signal.aborted) return;
      sendProblem(error, request, reply, this.o.logger);
    }
  }

  /** Ends what would go on for ever (live tails), so that a shutdown waits for real answers only. */
  endLiveAnswers(): void {
    for (const answer of this.live) answer.end();
  }

  private async ask(
    request: FastifyRequest,
    owner: Owner,
    method: Method,
    path: string,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const principal = principalOf(credentialOf(request), request.id);
    const body = bodyOf(request);
    const headers = requestHeaders(request.headers);
    // The length of a body that was read here is that of its text; undici counts it.
    if (typeof body === 'string' || body === null) delete headers['content-length'];
    try {
      return await this.o.owners.pool(owner).request({
        method,
        path,
        body,
        signal,
        headers: {
          ...headers,
          'x-request-id': request.id,
          traceparent: request.traceparent,
          [principalHeader]: signPrincipal(this.o.internalKey, principal, this.o.clock.now()),
        },
      });
    } catch (error) {
      // What undici finds no way to send was wrong when it came in.
      if (error instanceof errors.InvalidArgumentError)
        throw new AppError('INVALID_REQUEST', {}, { cause: error });
      throw new AppError('UNAVAILABLE', { what: names[owner] }, { cause: error });
    }
  }

  /** Straight to the socket: Fastify would hold the headers of a live tail back until its first line. */
  private stream(reply: FastifyReply, answer: Dispatcher.ResponseData, extra: Record<string, string>): void {
    const isLive = String(answer.headers['content-type']).startsWith('text/event-stream');
    const own = reply.getHeaders() as Record<string, string>;
    reply.hijack();
    reply.raw.writeHead(answer.statusCode, { ...responseHeaders(answer.headers), ...own, ...extra });
    if (isLive) {
      reply.raw.flushHeaders();
      this.live.add(reply.raw);
    }
    pipeline(answer.body, reply.raw, (error) => {
      this.live.delete(reply.raw);
      if (error && !isLive && !reply.raw.destroyed) reply.raw.destroy();
    });
  }
}

/** A JSON text that was read and checked, a stream of anything else, or nothing. */
function bodyOf(request: FastifyRequest): string | Readable | null {
  if (typeof request.body === 'string') return request.body;
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) return null;
  if (request.raw.readableEnded) return null;
  return uploadBody(request.raw);
}
