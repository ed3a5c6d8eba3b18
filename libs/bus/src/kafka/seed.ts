import type { EventDefinition } from '@mortise/contracts';
import type { Admin, Kafka } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { encodeEvent, encodeTombstone } from '../codec.js';
import type { BusEnv } from '../env.js';
import type { BusRecord } from '../record.js';
import { pinnedAssigner } from './assigner.js';
import { kafkaClient } from './client.js';
import { kafkajs } from './kafkajs.js';
import { Lane } from './producer.js';
import { endsOf, topicName, topicOffsets } from './topics.js';

/** What seeding did, in keys. */
export interface Seeded {
  written: number;
  removed: number;
  unchanged: number;
}

const chunk = 500;

const revisionIn = (value: unknown): number => {
  const revision: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'revision') : 0;
  return typeof revision === 'number' ? revision : 0;
};

/** Writes what is missing or older and removes what is no row any more. */
export async function seedKafka<T extends object>(
  env: BusEnv,
  definition: EventDefinition<T>,
  rows: AsyncIterable<T>,
): Promise<Seeded> {
  const client = kafkaClient({ env, service: 'admin', retry: { retries: 8 } });
  const producer = client.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  const admin = client.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  try {
    const known = await readRevisions(client, admin, topicName(definition.topic, env));
    const lane = new Lane(producer, env, {
      name: 'durable',
      acks: -1,
      requestsInFlight: 1,
      compression: undefined,
    });
    const seeded: Seeded = { written: 0, removed: 0, unchanged: 0 };
    let due: BusRecord[] = [];
    for await (const row of rows) {
      const key = definition.key(row);
      const revision = known.get(key);
      known.delete(key);
      if (revision !== undefined && revision >= revisionIn(row)) seeded.unchanged += 1;
      else {
        seeded.written += 1;
        due.push(encodeEvent(definition, row));
      }
      if (due.length < chunk) continue;
      await lane.send(due);
      due = [];
    }
    seeded.removed = known.size;
    await lane.send([...due, ...[...known.keys()].map((key) => encodeTombstone(definition, key))]);
    return seeded;
  } finally {
    await Promise.all([producer.disconnect(), admin.disconnect()]);
  }
}

/** The revision of each key the topic holds. */
async function readRevisions(client: Kafka, admin: Admin, topic: string): Promise<Map<string, number>> {
  const offsets = await topicOffsets(admin, topic);
  const ends = endsOf(offsets);
  const revisions = new Map<string, number>();
  if (ends.size === 0) return revisions;
  const consumer = client.consumer({
    groupId: `${topic}.seed.${randomUUID()}`,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
    partitionAssigners: [pinnedAssigner(offsets.map(({ partition }) => partition))],
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      consumer
        .run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            for (const { key, value } of batch.messages) {
              if (!key) continue;
              if (value) revisions.set(key.toString(), revisionIn(JSON.parse(value.toString())));
              else revisions.delete(key.toString());
            }
            if (Number(batch.lastOffset()) + 1 >= (ends.get(batch.partition) ?? 0))
              ends.delete(batch.partition);
            if (ends.size === 0) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return revisions;
}
