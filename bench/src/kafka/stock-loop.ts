import { randomUUID } from 'node:crypto';
import kafkajs, { type EachMessagePayload } from 'kafkajs';
import { keys, partitions, payload, type Loop } from './loop.ts';
import { makeTopics } from './make-topics.ts';

const { Kafka, Partitioners, logLevel } = kafkajs;

/**
 * What one would write with kafkajs as it comes: eachMessage, send, a reply topic. In its favour the server answers
 * without waiting for the broker and works on eight partitions at a time.
 */
export async function stockLoop(broker: string): Promise<Loop> {
  const mark = randomUUID().slice(0, 8);
  const [requests, replies] = [`stock.requests.${mark}`, `stock.replies.${mark}`] as const;
  const kafka = new Kafka({ clientId: 'stock', brokers: [broker], logLevel: logLevel.NOTHING });
  await makeTopics(broker, [requests, replies], partitions);
  const asking = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const answering = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const server = kafka.consumer({ groupId: `stock-server-${mark}`, maxWaitTimeInMs: 100 });
  const client = kafka.consumer({ groupId: `stock-client-${mark}`, maxWaitTimeInMs: 100 });
  const waiting = new Map<string, () => void>();
  await Promise.all([asking, answering, server, client].map((one) => one.connect()));
  const run = async (
    consumer: typeof server,
    topic: string,
    eachMessage: (given: EachMessagePayload) => Promise<void>,
  ) => {
    const joined = new Promise((done) => consumer.on(consumer.events.GROUP_JOIN, done));
    await consumer.subscribe({ topic });
    await consumer.run({ partitionsConsumedConcurrently: 8, eachMessage });
    await joined;
  };
  await run(server, requests, async ({ message: { key, value, headers } }) => {
    void answering.send({ topic: replies, messages: [{ key, value, headers: { id: headers?.id } }] });
  });
  await run(client, replies, async ({ message }) => waiting.get(String(message.headers?.id))?.());
  let next = 0;
  return {
    async call(): Promise<void> {
      const id = String(++next);
      await new Promise<void>((done, failed) => {
        waiting.set(id, done);
        asking
          .send({ topic: requests, messages: [{ key: `k${next % keys}`, value: payload, headers: { id } }] })
          .catch(failed);
      });
      waiting.delete(id);
    },
    close: async () =>
      void (await Promise.all([asking, answering, server, client].map((one) => one.disconnect()))),
  };
}
