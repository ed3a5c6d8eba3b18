import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
// eslint-disable-next-line @nx/enforce-module-boundaries -- tools are no project: nothing ships from there
import { clusterDown, clusterUp } from '../../../tools/cluster/cluster.ts';
import { call, deploy } from '../api.ts';
import { interleave, median, percentile, type Figure } from '../figure.ts';

const calls = 400;
const { Kafka, Partitioners, logLevel } = kafkajs;

/** What one would write with kafkajs as it comes: eachMessage, send, a reply topic. */
async function stockLoop(broker: string) {
  const kafka = new Kafka({ clientId: 'stock', brokers: [broker], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const topics = ['stock.requests', 'stock.replies'];
  await admin.createTopics({
    waitForLeaders: false,
    topics: topics.map((topic) => ({ topic, numPartitions: 4 })),
  });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const server = kafka.consumer({ groupId: 'stock-server', maxWaitTimeInMs: 100 });
  const client = kafka.consumer({ groupId: 'stock-client', maxWaitTimeInMs: 100 });
  const waiting = new Map<string, () => void>();
  await Promise.all([producer.connect(), server.connect(), client.connect()]);
  await server.subscribe({ topic: 'stock.requests' });
  await client.subscribe({ topic: 'stock.replies' });
  await server.run({
    eachMessage: async ({ message }) => {
      await producer.send({
        topic: 'stock.replies',
        messages: [{ key: message.key, value: message.value, headers: { id: message.headers?.id } }],
      });
    },
  });
  await client.run({ eachMessage: async ({ message }) => waiting.get(String(message.headers?.id))?.() });
  let next = 0;
  return {
    async call(): Promise<void> {
      const id = String(++next);
      await new Promise<void>((done, failed) => {
        waiting.set(id, done);
        producer
          .send({
            topic: 'stock.requests',
            messages: [{ key: 'k', value: 'x'.repeat(512), headers: { id } }],
          })
          .catch(failed);
      });
      waiting.delete(id);
    },
    close: () => Promise.all([producer.disconnect(), server.disconnect(), client.disconnect()]),
  };
}

const latencies = async (count: number, once: () => Promise<unknown>): Promise<number[]> => {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    await once();
    times.push(performance.now() - started);
  }
  return times;
};

export const httpExecuteKafka: Figure = {
  id: 'P12',
  what: 'HTTP execute on Kafka, 1 caller, p50',
  unit: 'ms',
  reference: 'stock kafkajs loop without HTTP and sandbox',
  target: 'p50 <= 1.5x',
  ok: ({ ratio }) => ratio <= 1.5,
  async measure() {
    const folder = await mkdtemp(join(tmpdir(), 'mortise-bench-cluster-'));
    try {
      const { url = '', adminKey: key = '', kafka = '' } = await clusterUp(folder);
      const target = { url, key };
      const id = await deploy(target);
      const stock = await stockLoop(kafka);
      const tails: { ours: number; stock: number }[] = [];
      const last = { ours: 0, stock: 0 };
      const ours = async () => {
        const times = await latencies(calls, () =>
          call(target, 'POST', `/installations/${id}/execute`, { function: 'run', input: 'x'.repeat(500) }),
        );
        last.ours = percentile(times, 0.99);
        return median(times);
      };
      const reference = async () => {
        const times = await latencies(calls, () => stock.call());
        last.stock = percentile(times, 0.99);
        tails.push({ ...last });
        return median(times);
      };
      const measured = await interleave(5, ours, reference);
      await stock.close();
      const counted = tails.slice(1);
      return {
        ...measured,
        note: `p99 ${median(counted.map((tail) => tail.ours)).toFixed(2)} ms against ${median(counted.map((tail) => tail.stock)).toFixed(2)} ms`,
      };
    } finally {
      await clusterDown(folder);
      await rm(folder, { recursive: true, force: true });
    }
  },
};
