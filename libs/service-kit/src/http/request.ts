import { randomFillSync } from 'node:crypto';
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

// Drawn for many requests at once: two system calls a request were a tenth of what a hot route costs.
const idBytes = 24;
const pool = Buffer.alloc(idBytes * 256);
let used = pool.length;

function newTraceparent(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const ids = pool.toString('hex', used, (used += idBytes));
  return `00-${ids.slice(0, 32)}-${ids.slice(32)}-01`;
}

/** The caller's trace context when it is well formed, a new one otherwise. */
export const traceparentOf = (header: string | string[] | undefined): string =>
  typeof header === 'string' && wellFormed.test(header) ? header : newTraceparent();

/** The 32 hex digits that find a request in logs and traces. */
export const traceIdOf = (request: FastifyRequest): string => (request.traceparent ?? '').slice(3, 35);
