import type { Flight } from './flight.js';
import type { LogEntry } from './types.js';

const levels = ['debug', 'info', 'warn', 'error'] as const;
/** A line with its fields, in characters: the shim cuts off at these. */
const lineLength = 4_200;
/** Of a line with its fields, and before them its level. */
export const logFrameLength = 2 * lineLength + 64;
/** Lines the platform adds itself: the mark where a log was cut off, unhandled rejections. */
const extraLines = 8;
/** Kept free for the mark where the log was cut off. */
const markBytes = 80;

/**
 * Hands one line on; payload is `level, length of the message \n message fields`.
 * @returns false when the worker sends more than its own shim lets through
 */
export function writeLog(flight: Flight, payload: string): boolean {
  const { limits } = flight.invocation;
  const lineEnd = payload.indexOf('\n');
  const space = payload.indexOf(' ');
  flight.logLines++;
  if (flight.logLines > limits.logLines + extraLines) return flight.logLines <= limits.logLines + 10_000;
  // The shim counts characters; what is kept and sent on are bytes, up to three times as many.
  const bytes = Buffer.byteLength(payload) - lineEnd - 1;
  if (flight.logFull) return true;
  if (flight.logBytes + bytes > limits.logBytes - Math.min(markBytes, limits.logBytes / 2)) {
    cutOff(flight, bytes);
    return true;
  }
  flight.logBytes += bytes;
  const level = levels[Number(payload.slice(0, space))] ?? 'info';
  const messageEnd = lineEnd + 1 + Number(payload.slice(space + 1, lineEnd));
  const entry: LogEntry = { level, message: payload.slice(lineEnd + 1, messageEnd).slice(0, lineLength) };
  const fields = payload.slice(messageEnd);
  if (fields !== '') {
    try {
      const parsed: unknown = JSON.parse(fields, (key, value: unknown) =>
        key === '__proto__' ? undefined : value,
      );
      if (typeof parsed === 'object' && parsed !== null) entry.fields = parsed as Record<string, unknown>;
    } catch {
      // A line without its fields says more than none.
    }
  }
  flight.invocation.log(entry);
  return true;
}

function cutOff(flight: Flight, bytes: number): void {
  const { logBytes } = flight.invocation.limits;
  flight.logFull = true;
  flight.limitsHit ??= [];
  if (!flight.limitsHit.some(({ limit }) => limit === 'logBytes'))
    flight.limitsHit.push({ limit: 'logBytes', value: logBytes, used: flight.logBytes + bytes });
  flight.invocation.log({ level: 'warn', message: `[log cut off here: limit logBytes of ${logBytes}]` });
}
