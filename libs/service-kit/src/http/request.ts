import { randomBytes } from 'node:crypto';
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

const wellFormed = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's trace context when it is well formed, a new one otherwise. */
export const traceparentOf = (header: string | string[] | undefined): string =>
  typeof header === 'string' && wellFormed.test(header)
    ? header
    : `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;

/** The 32 hex digits that find a request in logs and traces. */
export const traceIdOf = (request: FastifyRequest): string => (request.traceparent ?? '').slice(3, 35);
