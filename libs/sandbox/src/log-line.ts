import type { Flight } from './flight.js';
import type { LogEntry } from './types.js';

const levels = ['debug', 'info', 'warn', 'error'] as const;
const lineBytes = 4_200;
/** Lines the platform adds itself: the mark where a log was cut off, unhandled rejections. */
const extraLines = 8;

/**
 * Hands one line on; payload is `level, length of the message \n message fields`.
 * @returns false when the worker sends more than its own shim lets through
 */
export function writeLog(flight: Flight, payload: string): boolean {
  const { limits } = flight.invocation;
  const lineEnd = payload.indexOf('\n');
  const space = payload.indexOf(' ');
  flight.logLines++;
  flight.logBytes += payload.length - lineEnd - 1;
  if (flight.logLines > limits.logLines + extraLines) return flight.logLines <= limits.logLines + 10_000;
  if (flight.logBytes > limits.logBytes + extraLines * lineBytes) return true;
  const level = levels[Number(payload.slice(0, space))] ?? 'info';
  const messageEnd = lineEnd + 1 + Number(payload.slice(space + 1, lineEnd));
  const entry: LogEntry = { level, message: payload.slice(lineEnd + 1, messageEnd).slice(0, lineBytes) };
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
