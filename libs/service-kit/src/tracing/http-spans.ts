import type { ServiceName } from '@mortise/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { givenTraceparent } from './trace-context.js';
import { inTrace, tracers } from './tracer.js';

/** A server span for each API request. Health answers and pages are nobody's question. */
export function traceRequests(fastify: FastifyInstance, service: ServiceName): void {
  const tracer = tracers[service];
  if (!tracer) return;
  const isTraced = (request: FastifyRequest) =>
    request.url.startsWith('/api/') || request.url.startsWith('/internal/');
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done) => {
    if (!isTraced(request)) return done();
    const route = request.routeOptions.url;
    const span = tracer.start(`${request.method} ${route ?? 'unknown'}`, {
      kind: 'server',
      parent: givenTraceparent(request.headers.traceparent),
      attributes: {
        'http.request.method': request.method,
        'url.path': request.url.split('?', 1)[0],
        ...(route !== undefined && { 'http.route': route }),
      },
    });
    request.traceparent = span.traceparent;
    // Also what was taken over from Fastify, or given up by the caller, closes its answer.
    reply.raw.once('close', () => {
      const { statusCode, writableFinished } = reply.raw;
      span.set({
        'http.response.status_code': statusCode,
        ...(request.principal && { 'tenant.id': request.principal.tenantId }),
      });
      span.end(
        statusCode >= 500 ? `status ${statusCode}` : writableFinished ? undefined : 'the caller went away',
      );
    });
    done();
  });
  // Not earlier: what waits for a body goes on outside of what an earlier hook opened.
  fastify.addHook('preHandler', (request, _reply, done) => {
    if (isTraced(request)) inTrace(request.traceparent, done);
    else done();
  });
}
