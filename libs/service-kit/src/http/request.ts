import type { Principal } from '@mortise/contracts';
import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard before a handler runs. */
    principal?: Principal;
    /** W3C trace context: the caller's, or made here. */
    traceparent: string;
  }
}

/** Header of lifecycle answers: the installation and the revision the gateway must have seen before it answers. */
export const lifecycleHeader = 'mortise-installation';

/** The 32 hex digits that find a request in logs and traces. */
export const traceIdOf = (request: FastifyRequest): string => (request.traceparent ?? '').slice(3, 35);
