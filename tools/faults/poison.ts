import { randomUUID } from 'node:crypto';
import { writeRecord } from '@mortise/testing';
import { topicOf } from './observe.ts';

const poison = [
  { what: 'no headers', topic: 'executions.background', value: Buffer.from('{}') },
  { what: 'no text', topic: 'platform-events', value: Buffer.from([0xff, 0xfe, 0xc0]) },
  { what: 'an array', topic: 'execution-events', value: Buffer.from('[]') },
];

/** Puts what no consumer can read on topics that several of them read; gives its keys. */
export async function putPoison(brokers: string): Promise<string[]> {
  const keys: string[] = [];
  for (const { what, topic, value } of poison) {
    const key = `poison, ${what}: ${randomUUID()}`;
    await writeRecord(brokers, topicOf(topic), { key, value });
    keys.push(key);
  }
  return keys;
}
