import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Bus, busEnv, createTopics } from '@mortise/bus';
import { createLogger, defineEnv, loadEnv } from '@mortise/service-kit';
import { startKafka } from '@mortise/testing';
import kafkajs from 'kafkajs';
import { interleave, percentile, type Figure } from '../figure.ts';
import { makeTopics } from '../kafka/make-topics.ts';

const slowMs = 3_000;
const everyMs = 15;
const keys = 16;
const rounds = 3;

/** Sends a record; `slow` says that its handler takes its time. Resolves when the handler has been called. */
type Send = (key: string, slow: boolean) => Promise<void>;

/** One slow record, then others of other keys, one every 15 ms while the slow one is handled: their p99. */
async function othersP99Ms(send: Send): Promise<number> {
  void send('slow', true);
  const until = performance.now() + slowMs;
  const times: Promise<number>[] = [];
  for (let index = 0; performance.now() < until; index++) {
    const started = performance.now();
    times.push(send(`k${index % keys}`, false).then(() => performance.now() - started));
    await delay(everyMs);
  }
  return percentile(await Promise.all(times), 0.99);
}

/** Ids of what was sent, and who waits for each to be handled. */
class Waiting {
  private readonly ids = new Map<string, () => void>();

  async send(hand: (id: string) => Promise<unknown>): Promise<void> {
    const id = randomUUID();
    const handled = new Promise<void>((done) => this.ids.set(id, done));
    await hand(id);
    await handled;
    this.ids.delete(id);
  }

  async handle(id: string, slow: boolean): Promise<void> {
    if (slow) await delay(slowMs);
    this.ids.get(id)?.();
  }
}

async function ours(broker: string): Promise<{ send: Send; close(): Promise<void> }> {
  // One partition: what is slow and what is not share it.
  const env = loadEnv(defineEnv(busEnv), { BUS: 'kafka', KAFKA_BROKERS: broker, KAFKA_PARTITION_SCALE: '1' });
  await createTopics(env);
  const logger = createLogger({ service: 'executor', level: 'warn' });
  const bus = Bus.create({ service: 'executor', instanceId: 'bench', env, logger, requests: false });
  const waiting = new Waiting();
  bus.consume({
    topic: 'plugin-events',
    handler: ({ headers }) => waiting.handle(headers['id'] ?? '', headers['slow'] === 'yes'),
  });
  await bus.start();
  const value = Buffer.from('{}');
  return {
    send: (key, slow) =>
      waiting.send((id) =>
        bus.send([{ topic: 'plugin-events', key, value, headers: { id, slow: slow ? 'yes' : 'no' } }]),
      ),
    close: () => bus.close(0),
  };
}

async function stock(broker: string): Promise<{ send: Send; close(): Promise<void> }> {
  const topic = 'stock.slow';
  await makeTopics(broker, [topic], 1);
  const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  const consumer = kafka.consumer({ groupId: 'stock-slow', maxWaitTimeInMs: 100 });
  const waiting = new Waiting();
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic });
  const joined = new Promise((done) => consumer.on(consumer.events.GROUP_JOIN, done));
  await consumer.run({
    eachMessage: ({ message: { headers } }) =>
      waiting.handle(String(headers?.id), String(headers?.slow) === 'yes'),
  });
  await joined;
  return {
    send: (key, slow) =>
      waiting.send((id) =>
        producer.send({
          topic,
          messages: [{ key, value: '{}', headers: { id, slow: slow ? 'yes' : 'no' } }],
        }),
      ),
    close: async () => void (await Promise.all([producer.disconnect(), consumer.disconnect()])),
  };
}

export const slowHandler: Figure = {
  id: 'P14',
  what: 'one handler of 3 s: other keys of the same partition meanwhile, p99',
  unit: 'ms',
  reference: 'stock kafkajs eachMessage',
  target: '<= 15 ms',
  ok: ({ value }) => value <= 15,
  async measure() {
    const kafka = await startKafka();
    try {
      const [mine, theirs] = [await ours(kafka.brokers), await stock(kafka.brokers)];
      try {
        return await interleave(
          rounds,
          () => othersP99Ms(mine.send),
          () => othersP99Ms(theirs.send),
        );
      } finally {
        await Promise.allSettled([mine.close(), theirs.close()]);
      }
    } finally {
      await kafka.close();
    }
  },
};
