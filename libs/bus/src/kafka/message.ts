import type { TopicName } from '@mortise/contracts';
import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { Received } from '../record.js';

function toText(headers: IHeaders | undefined): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) texts[name] = typeof first === 'string' ? first : first.toString('utf8');
  }
  return texts;
}

/** A kafkajs message as ours: header bytes become text, the value's bytes stay as they are. */
export const toReceived = (topic: TopicName, partition: number, message: KafkaMessage): Received => ({
  topic,
  partition,
  key: message.key === null ? null : message.key.toString('utf8'),
  value: message.value,
  headers: toText(message.headers),
  offset: message.offset,
  timestamp: Number(message.timestamp),
  attempt: 1,
});
