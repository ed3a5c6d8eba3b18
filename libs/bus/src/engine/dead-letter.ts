import { topicNames, type ServiceName, type TopicName } from '@mortise/contracts';
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
/** Names the only group that a replayed record is for. */
const replayHeader = 'mortise-replay-group';
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
  const { [parkedHeader]: _parked, [replayHeader]: _replay, ...original } = record.headers;
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

const own: ReadonlySet<string> = new Set(Object.values(deadLetterHeaders));
const isTopic = (name: string | undefined): name is TopicName =>
  (topicNames as readonly (string | undefined)[]).includes(name);

/**
 * The record that a dead letter was, to be sent to its topic again: the same id, key and bytes, for the group that could
 * not handle it and for no other.
 * @returns undefined when it names no topic, or one that is not there any more
 */
export function replayOf(letter: BusRecord): BusRecord | undefined {
  const { [deadLetterHeaders.topic]: topic, [deadLetterHeaders.group]: group } = letter.headers;
  if (!isTopic(topic) || group === undefined) return undefined;
  const original = Object.entries(letter.headers).filter(([name]) => !own.has(name));
  const headers = { ...Object.fromEntries(original), [replayHeader]: group };
  return { topic, key: letter.key, value: letter.value, headers };
}

/** A replay for another group: this one has had the record. */
export const isForOthers = (record: BusRecord, group: string): boolean =>
  (record.headers[replayHeader] ?? group) !== group;
