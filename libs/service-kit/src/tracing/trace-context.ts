import { randomFillSync } from 'node:crypto';
import { TraceFlags, type SpanContext } from '@opentelemetry/api';

// W3C Trace Context, version 00.
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

/** The caller's trace context when it is well formed. */
export const givenTraceparent = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' && wellFormed.test(header) ? header : undefined;

/** The caller's trace context when it is well formed, a new one otherwise. */
export const traceparentOf = (header: string | string[] | undefined): string =>
  givenTraceparent(header) ?? newTraceparent();

/** Whether whoever sent it records the trace. */
export const isSampled = (traceparent: string | undefined): traceparent is string =>
  traceparent !== undefined &&
  wellFormed.test(traceparent) &&
  (Number.parseInt(traceparent.slice(-2), 16) & TraceFlags.SAMPLED) !== 0;

/** The trace context as OpenTelemetry has it; undefined when it is malformed, as anybody may send it. */
export const spanContextOf = (traceparent: string | undefined): SpanContext | undefined =>
  traceparent !== undefined && wellFormed.test(traceparent)
    ? {
        traceId: traceparent.slice(3, 35),
        spanId: traceparent.slice(36, 52),
        traceFlags: Number.parseInt(traceparent.slice(53), 16),
        isRemote: true,
      }
    : undefined;

/** The counterpart of spanContextOf. */
export const toTraceparent = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
