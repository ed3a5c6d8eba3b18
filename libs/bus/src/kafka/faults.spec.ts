import { ExecuteInBackground } from '@mortise/contracts';
import { defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { kafkaAvailable, startKafka, until, type KafkaServer } from '@mortise/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Bus } from '../bus.js';
import { quiet } from '../bus.contract.js';
import { busEnv, type BusEnv } from '../env.js';
import { partitionCount } from '../partitions.js';
import type { BusRecord } from '../record.js';
import { createTopics } from '../seed.js';

const available = await kafkaAvailable();
const work = ExecuteInBackground.topic;

describe.skipIf(!available.ok)('on a cluster that changes', () => {
  let folder: string;
  let server: KafkaServer;
  let open: Bus[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mortise-kafka-faults-'));
    server = await startKafka({ dir: folder });
  }, 180_000);
  afterEach(async () => {
    await Promise.all(open.map((bus) => bus.close(0)));
    open = [];
  });
  afterAll(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const newEnv = async (scale: number): Promise<BusEnv> => {
    const env = loadEnv(defineEnv(busEnv), {
      BUS: 'kafka',
      KAFKA_BROKERS: server.brokers,
      KAFKA_PARTITION_SCALE: String(scale),
      MORTISE_TOPIC_PREFIX: `t${newId().slice(-8)}.`,
    });
    await createTopics(env);
    return env;
  };
  const made = (env: BusEnv, service: 'executor' | 'gateway') => {
    const bus = Bus.create({ service, instanceId: newId(), env, logger: quiet });
    open.push(bus);
    return bus;
  };
  const record = (partition: number, text: string): BusRecord => ({
    topic: work,
    key: `key-${partition}`,
    value: Buffer.from(text),
    headers: {},
    partition,
  });

  it('moves no more partitions than an even share must as executors come and go, and loses nothing', async () => {
    const env = await newEnv(50);
    const partitions = partitionCount(work, env);
    const seen = new Map<string, number>();
    const owners = new Map<number, Bus>();
    const executor = async () => {
      const bus = made(env, 'executor');
      bus.consume({
        topic: work,
        handler: async ({ partition, value }) => {
          const text = value?.toString() ?? '';
          seen.set(text, (seen.get(text) ?? 0) + 1);
          owners.set(partition, bus);
        },
      });
      await bus.start();
      return bus;
    };
    const sender = made(env, 'gateway');
    await sender.start();
    // A background load that never stops, while the group changes under it.
    const sent: string[] = [];
    let loading = true;
    const load = (async () => {
      for (let n = 0; loading; n++) {
        const batch = Array.from({ length: 20 }, (_, i) => record((n + i) % partitions, `load-${n}-${i}`));
        sent.push(...batch.map(({ value }) => String(value)));
        await sender.send(batch);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    let round = 0;
    const ownersNow = async () => {
      round += 1;
      const probes = Array.from({ length: partitions }, (_, n) => `probe-${round}-${n}`);
      await sender.send(probes.map((text, partition) => record(partition, text)));
      await until(() => probes.every((text) => seen.has(text)), 'each partition is read', 20_000);
      return new Map(owners);
    };
    const moved = (before: ReadonlyMap<number, Bus>, after: ReadonlyMap<number, Bus>) =>
      [...after].filter(([partition, bus]) => before.get(partition) !== bus).length;

    const [one] = [await executor()];
    const alone = await ownersNow();
    const two = await executor();
    const pair = await ownersNow();
    const others = await Promise.all([executor(), executor()]);
    const four = await ownersNow();
    for (const bus of others) await bus.close();
    const pairAgain = await ownersNow();
    loading = false;
    await load;
    await until(() => sent.every((text) => seen.has(text)), 'everything sent has come', 20_000);

    expect([one, two].map((bus) => [...pairAgain.values()].filter((owner) => owner === bus).length)).toEqual([
      partitions / 2,
      partitions / 2,
    ]);
    expect([moved(alone, pair), moved(pair, four), moved(four, pairAgain)]).toEqual([
      partitions / 2,
      partitions / 2,
      partitions / 2,
    ]);
    const twice = [...seen.values()].filter((times) => times > 1).length;
    // What was handled and not committed yet when a partition moved comes again: some, never a great part.
    expect(twice).toBeLessThan(sent.length / 10);
  }, 90_000);

  it('fails no call and settles each send once when the broker is killed and comes back', async () => {
    const env = await newEnv(10);
    const executor = made(env, 'executor');
    const got = new Set<string>();
    executor.consume({ topic: work, handler: async ({ value }) => void got.add(String(value)) });
    executor.consume({
      topic: 'executions.interactive',
      ordering: 'none',
      handler: async (command) => executor.reply(command, command.value ?? Buffer.alloc(0)),
    });
    const gateway = made(env, 'gateway');
    await Promise.all([executor.start(), gateway.start()]);

    let answered = 0;
    const settled = new Map<string, number>();
    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (let n = 0; answered < 600; n++) {
        const text = `${caller}-${n}`;
        const [reply] = await Promise.all([
          gateway.request(
            { topic: 'executions.interactive', key: text, value: Buffer.from(text), headers: {} },
            { deadline: Date.now() + 40_000 },
          ),
          gateway
            .send([{ topic: work, key: text, value: Buffer.from(text), headers: {} }])
            .then(() => settled.set(text, (settled.get(text) ?? 0) + 1)),
        ]);
        expect(reply.value?.toString()).toBe(text);
        answered += 1;
      }
    });
    await until(() => answered > 100, 'the load runs');
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    const { port, controllerPort } = server;
    server = await startKafka({ dir: folder, port, controllerPort });
    await Promise.all(callers);

    expect([...settled.values()].every((times) => times === 1)).toBe(true);
    await until(
      () => [...settled.keys()].every((text) => got.has(text)),
      'what was acknowledged has come',
      20_000,
    );
  }, 120_000);
});
