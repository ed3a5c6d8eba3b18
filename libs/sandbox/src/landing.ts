import type { ExecutionError } from '@mortise/contracts';
import { limitExceeded, ranOutOfMemory, timedOutVerdict, type Flight, type Landing } from './flight.js';

/** What the worker's last word on a run, a letter and a text, comes to. */
export function landingOf(flight: Flight, letter: string, text: string): Landing {
  if (flight.verdict) return { kind: 'ended', ...flight.verdict };
  const { limits, deadline } = flight.invocation;
  switch (letter) {
    case 's': {
      const bytesOut = Buffer.byteLength(text);
      flight.usage.bytesOut += bytesOut;
      if (bytesOut <= limits.outputBytes) return { kind: 'ended', status: 'succeeded', result: text };
      const error = limitExceeded('outputBytes', limits.outputBytes, bytesOut);
      (flight.limitsHit ??= []).push({ limit: 'outputBytes', value: limits.outputBytes, used: bytesOut });
      return { kind: 'ended', status: 'failed', error };
    }
    case 'f': {
      const error = ownError(errorOf(text));
      if (error.message === noBuffer) return ranOutOfMemory(flight);
      const denied = flight.denied && error.code === 'PERMISSION_DENIED';
      return { kind: 'ended', status: denied ? 'denied' : 'failed', error };
    }
    case 't': {
      const verdict = timedOutVerdict(limits.timeoutMs, Date.now() - flight.acceptedAt);
      return { kind: 'ended', status: 'timed_out', error: text ? errorOf(text) : verdict.error };
    }
    case 'm':
      return ranOutOfMemory(flight);
    default:
      return Date.now() >= deadline
        ? { kind: 'ended', ...timedOutVerdict(limits.timeoutMs, Date.now() - flight.acceptedAt) }
        : { kind: 'lost', started: flight.started };
  }
}

/** What V8 throws, and a plugin may catch, where the memory of buffers is over the isolate's limit. */
const noBuffer = 'Array buffer allocation failed';

/** What only the platform says of a run: callers retry on some, and others count against the plugin. */
const verdictCodes: ReadonlySet<string> = new Set([
  'EXECUTION_CANCELLED',
  'EXECUTION_TIMED_OUT',
  'INPUT_INVALID',
  'NO_CAPACITY',
  'OUT_OF_MEMORY',
  'QUARANTINED',
  'SECURITY_VIOLATION',
  'UNAVAILABLE',
  'WORKER_CRASHED',
]);

/** An error that the plugin threw may have any code but those. */
const ownError = (error: ExecutionError): ExecutionError =>
  verdictCodes.has(error.code) ? { ...error, code: 'EXECUTION_FAILED' } : error;

/** What a worker says of an error, taken apart field by field. */
function errorOf(text: string): ExecutionError {
  let raw: Record<string, unknown> = {};
  try {
    if (text.length < 16_384) raw = JSON.parse(text, withoutProto) as Record<string, unknown>;
  } catch {
    raw = {};
  }
  const code = typeof raw.code === 'string' && raw.code !== '' ? raw.code.slice(0, 64) : 'EXECUTION_FAILED';
  const message = typeof raw.message === 'string' ? raw.message.slice(0, 2_000) : '';
  const details = typeof raw.details === 'object' && raw.details !== null && !Array.isArray(raw.details);
  return {
    code,
    message,
    ...(typeof raw.stack === 'string' && raw.stack !== '' && { stack: raw.stack.slice(0, 2_000) }),
    ...(details && { details: raw.details as Record<string, unknown> }),
  };
}

const withoutProto = (key: string, value: unknown): unknown => (key === '__proto__' ? undefined : value);
