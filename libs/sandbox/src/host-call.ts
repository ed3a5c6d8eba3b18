import type { ExecutionError, Outcome } from '@mortise/contracts';
import type { Flight } from './flight.js';
import type { HostFailure } from './types.js';

const opPattern = /^[a-z][a-zA-Z]{0,31}(\.[a-z][a-zA-Z]{0,31})?$/;
const argumentBytes = 262_144;
/** Of a whole call: arguments, and before them its id and name. */
export const hostCallLength = argumentBytes + 128;
const callIdPattern = /^\d{1,10}$/;
const replyBytes = 8 * 1_048_576;
const internal: ExecutionError = { code: 'INTERNAL', message: 'Something failed on the host side' };

/**
 * Does one host call of a plugin: payload is `call id, op \n JSON`. What the host throws reaches the plugin only where
 * it was made for it.
 */
export function answerHostCall(
  flight: Flight,
  payload: string,
  reply: (payload: string) => void,
  end: (verdict: { status: Outcome; error: ExecutionError }) => void,
): void {
  const lineEnd = payload.indexOf('\n');
  const space = payload.indexOf(' ');
  // Said back with the answer, so no more of it than it may be.
  const callId = payload.slice(0, Math.min(Math.max(space, 0), 16));
  const op = payload.slice(space + 1, lineEnd);
  const refuse = (error: ExecutionError) => {
    if (error.code === 'PERMISSION_DENIED') flight.denied = true;
    const { code, message, details } = error;
    reply(`${callId} 0\n${JSON.stringify({ code, message, ...(details && { details }) })}`);
  };
  if (!callIdPattern.test(callId) || !opPattern.test(op) || payload.length - lineEnd > argumentBytes + 1) {
    return refuse({ code: 'INVALID_REQUEST', message: 'This is not a host call' });
  }
  const failed = (failure: unknown) => {
    const { guest, outcome } = (failure ?? {}) as HostFailure;
    refuse(guest ?? internal);
    if (outcome) end({ status: outcome, error: guest ?? internal });
  };
  try {
    flight.invocation.host(op, payload.slice(lineEnd + 1)).then((answer) => {
      if (answer.length <= replyBytes) reply(`${callId} 1\n${answer}`);
      else refuse({ code: 'LIMIT_EXCEEDED', message: 'The answer of the host is too large' });
    }, failed);
  } catch (failure) {
    failed(failure);
  }
}
