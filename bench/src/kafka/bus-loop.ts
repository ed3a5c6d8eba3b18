import { randomUUID } from 'node:crypto';
import { Bus, busEnv, createTopics } from '@mortise/bus';
import { createLogger, defineEnv, loadEnv } from '@mortise/service-kit';
import { keys, payload, type Loop } from './loop.ts';

const deadlineMs = 30_000;

/** Our bus with a handler that only answers, as the gateway and an executor use it. */
export async function busLoop(broker: string, level: 'warn' | 'error' = 'warn'): Promise<Loop> {
  const env = loadEnv(defineEnv(busEnv), {
    BUS: 'kafka',
    KAFKA_BROKERS: broker,
    KAFKA_PARTITION_SCALE: '25',
    MORTISE_TOPIC_PREFIX: `bench-${randomUUID().slice(0, 8)}.`,
  });
  await createTopics(env);
  const bus = (service: 'gateway' | 'executor', requests: boolean) =>
    Bus.create({
      service,
      instanceId: `${service}-bench`,
      env,
      requests,
      logger: createLogger({ service, level }),
    });
  const [client, server] = [bus('gateway', true), bus('executor', false)];
  const answer = Buffer.from(payload);
  server.consume({
    topic: 'executions.interactive',
    ordering: 'none',
    maxInFlight: 2_048,
    handler: async (record) => server.reply(record, answer),
  });
  await Promise.all([client.start(), server.start()]);
  const value = Buffer.from(payload);
  let next = 0;
  return {
    async call(): Promise<void> {
      const record = {
        topic: 'executions.interactive',
        key: `k${++next % keys}`,
        value,
        headers: {},
      } as const;
      await client.request(record, { deadline: Date.now() + deadlineMs });
    },
    close: async () => void (await Promise.all([client.close(), server.close()])),
  };
}
