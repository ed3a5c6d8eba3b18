import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { intake, type ServiceName } from '@mortise/contracts';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../app-error.js';
import type { Health } from '../health.js';
import { newId } from '../ids.js';
import { nestLogger, type Logger } from '../logger.js';
import { PrincipalGuard, type Authenticate } from './guard.js';
import { parseJsonBody } from './json-body.js';
import { principalHeader, verifyPrincipal } from './principal.js';
import { ProblemFilter } from './problem-filter.js';
import { traceparentOf } from '../tracing/trace-context.js';
import { traceRequests } from '../tracing/http-spans.js';
import { ValidationPipe } from './validation.js';

export interface HttpAppOptions {
  service: ServiceName;
  logger: Logger;
  health: Health;
  /** Verifies the caller's token that the gateway signed. */
  internalKey?: string;
  /** Instead of internalKey: how the edge knows its callers. */
  authenticate?: Authenticate;
  /** A request that is not here by then is cut: a caller who stalls holds a connection and a spooled file. */
  receiveWithinMs?: number;
}

const oneMinuteMs = 60_000;
const fiveMinutesMs = 300_000;

/** A Nest app on Fastify with what every service's HTTP side shares: problems, bodies, callers, traces, health. */
export async function buildHttpApp(
  module: Type | DynamicModule,
  options: HttpAppOptions,
): Promise<NestFastifyApplication> {
  const { logger, health, internalKey, receiveWithinMs = fiveMinutesMs } = options;
  const adapter = new FastifyAdapter({
    bodyLimit: intake.jsonBytes,
    requestTimeout: receiveWithinMs,
    http: {
      connectionsCheckingInterval: receiveWithinMs / 10,
      // Node looks at neither when the head may take longer than the whole.
      headersTimeout: Math.min(oneMinuteMs, receiveWithinMs),
    },
    genReqId: (request: { headers: Record<string, string | string[] | undefined> }) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[\w.-]{1,100}$/.test(given) ? given : newId();
    },
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: nestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  const fastify: FastifyInstance = adapter.getInstance();
  fastify.decorateRequest('traceparent', '');
  fastify.addHook('onRequest', (request, reply, done) => {
    request.traceparent = traceparentOf(request.headers.traceparent);
    reply.header('x-request-id', request.id);
    done();
  });
  traceRequests(fastify, options.service);
  endIdleConnections(fastify);
  readToTheEnd(fastify);
  readJson(fastify);
  serveHealth(fastify, health);
  app.useGlobalFilters(new ProblemFilter(logger));
  app.useGlobalPipes(new ValidationPipe());
  app.useGlobalGuards(new PrincipalGuard(options.authenticate ?? internalCallers(internalKey)));
  return app;
}

/** Finishes what is in flight, and cuts what is not finished within the grace: a stalled upload must not hold a process. */
export async function closeHttpApp(app: NestFastifyApplication, graceMs = 10_000): Promise<void> {
  const cut = setTimeout(() => app.getHttpServer().closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

const internalCallers = (key: string | undefined): Authenticate => {
  if (!key) throw new Error('buildHttpApp needs internalKey or authenticate');
  return (request) => {
    const token = request.headers[principalHeader];
    if (typeof token !== 'string') throw new AppError('UNAUTHENTICATED');
    return verifyPrincipal(key, token);
  };
};

/**
 * An answer may go out before its request was read to the end: a refused upload. Node then empties a body that nobody
 * began to read; one that is half read would stay in the connection, and no later request on it would be seen.
 */
function readToTheEnd(fastify: FastifyInstance): void {
  fastify.addHook('onResponse', ({ raw }, _reply, done) => {
    if (!raw.readableEnded) raw.unpipe().resume();
    done();
  });
}

/**
 * A kept-alive connection that falls idle after the shutdown began would hold it up until its time-out: answers that
 * go straight to the socket do not carry `connection: close`. Node does not count as idle what never sent a request, as
 * browsers keep in reserve.
 */
function endIdleConnections(fastify: FastifyInstance): void {
  const silent = new Set<Socket>();
  fastify.server
    .on('connection', (socket: Socket) => {
      silent.add(socket);
      socket.once('close', () => silent.delete(socket));
    })
    .on('request', ({ socket }: IncomingMessage) => silent.delete(socket));
  fastify.addHook('preClose', (done) => {
    const sweep = setInterval(() => {
      fastify.server.closeIdleConnections();
      for (const socket of silent) socket.destroy();
    }, 25);
    fastify.server.once('close', () => clearInterval(sweep));
    done();
  });
}

function readJson(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    ['application/json', 'application/merge-patch+json', 'application/cloudevents+json'],
    { parseAs: 'string', bodyLimit: intake.jsonBytes },
    (_request: FastifyRequest, body: string, done: (error: Error | null, parsed?: unknown) => void) => {
      try {
        done(null, parseJsonBody(body));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

function serveHealth(fastify: FastifyInstance, health: Health): void {
  const ready = async (_request: FastifyRequest, reply: FastifyReply) => {
    const report = await health.report();
    return reply.status(report.ok ? 200 : 503).send(report);
  };
  fastify.get('/livez', async () => ({ ok: true }));
  fastify.get('/readyz', ready);
  fastify.get('/startupz', ready);
  fastify.get('/health', ready);
}
