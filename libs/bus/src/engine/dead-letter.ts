import type { ServiceName } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import type { BusRecord, Received } from '../record.js';

/** Headers that a dead letter adds to the original's. */
export const deadLetterHeaders = {
  topic: 'dead-letter-topic',
  partition: 'dead-letter-partition',
  offset: 'dead-letter-offset',
  group: 'dead-letter-group',
  reason: 'dead-letter-reason',
  code: 'dead-letter-code',
  attempts: 'dead-letter-attempts',
  at: 'dead-letter-at',
} as const;

const parkedHeader = 'mortise-parked';
const maxReasonLength = 1_000;

/** How often the record was parked. */
export const parkedTimes = (record: BusRecord): number => Number(record.headers[parkedHeader] ?? 0);

export const withParked = (record: Received, times: number): Received => ({
  ...record,
  headers: { ...record.headers, [parkedHeader]: String(times) },
});

/** The record with its original key, bytes and headers, and beside them where and why it failed. */
export function deadLetter(
  service: ServiceName,
  group: string,
  record: Received,
  error: unknown,
  nowMs: number,
): BusRecord {
  const reason = error instanceof Error ? error.message : String(error);
  const { [parkedHeader]: _parked, ...original } = record.headers;
  return {
    topic: `dead-letters.${service}`,
    key: record.key,
    value: record.value,
    headers: {
      ...original,
      [deadLetterHeaders.topic]: record.topic,
      [deadLetterHeaders.partition]: String(record.partition),
      [deadLetterHeaders.offset]: record.offset,
      [deadLetterHeaders.group]: group,
      [deadLetterHeaders.reason]: reason.slice(0, maxReasonLength),
      [deadLetterHeaders.code]: error instanceof AppError ? error.code : 'INTERNAL',
      [deadLetterHeaders.attempts]: String(record.attempt),
      [deadLetterHeaders.at]: new Date(nowMs).toISOString(),
    },
  };
}
