import { randomUUID } from 'node:crypto';
import kafkajs, { type KafkaMessage } from 'kafkajs';

const endsWithinMs = 60_000;

const clientOf = (brokers: string) =>
  new kafkajs.Kafka({
    clientId: 'testing',
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 20 },
  });

/** All records of a topic, by partition in their order. */
export async function readRecords(brokers: string, topic: string): Promise<KafkaMessage[]> {
  const client = clientOf(brokers);
  const admin = client.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const ends = new Map(
    offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]),
  );
  const found: { partition: number; message: KafkaMessage }[] = [];
  if (ends.size === 0) return [];
  const consumer = client.consumer({ groupId: `testing-${randomUUID()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((done, failed) => {
      const limit = setTimeout(() => failed(new Error(`${topic} was not read to its end`)), endsWithinMs);
      void consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          for (const message of batch.messages) found.push({ partition: batch.partition, message });
          if (Number(batch.lastOffset()) + 1 >= (ends.get(batch.partition) ?? 0))
            ends.delete(batch.partition);
          if (ends.size > 0) return;
          clearTimeout(limit);
          done();
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
  return found.sort((one, other) => one.partition - other.partition).map(({ message }) => message);
}

/** Puts one record on a topic as any client may: nothing of our envelope is added. */
export async function writeRecord(
  brokers: string,
  topic: string,
  record: { key: string; value: Buffer },
): Promise<void> {
  const producer = clientOf(brokers).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic, messages: [record] });
  await producer.disconnect();
}
