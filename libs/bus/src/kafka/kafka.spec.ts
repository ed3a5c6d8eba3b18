import { PluginState, topicNames, type PluginStateData } from '@mortise/contracts';
import { defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { kafkaAvailable, startKafka, type KafkaServer } from '@mortise/testing';
import kafkajs from 'kafkajs';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Bus } from '../bus.js';
import { busContract, quiet, type Twin } from '../bus.contract.js';
import { busEnv, type BusEnv } from '../env.js';
import { hostileContract } from '../hostile.contract.js';
import { readingsContract } from '../readings.contract.js';
import { replayContract } from '../replay.contract.js';
import { createTopics, seedState } from '../seed.js';
import { askVersions } from './broker-check.js';
import { socketFactory } from './client.js';
import { KafkaTransport } from './transport.js';

const available = await kafkaAvailable();
if (!available.ok) {
  if (inject('requireCluster')) throw new Error(available.reason);
  process.stderr.write(`LEFT OUT: the bus on Kafka. ${available.reason}\n`);
}

const envFor = (server: KafkaServer, more: Record<string, string> = {}): BusEnv =>
  loadEnv(defineEnv(busEnv), {
    BUS: 'kafka',
    KAFKA_BROKERS: server.brokers,
    KAFKA_PARTITION_SCALE: '10',
    MORTISE_TOPIC_PREFIX: `t${newId().slice(-8)}.`,
    ...more,
  });

describe.skipIf(!available.ok)('with a real broker', () => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await startKafka();
  }, 180_000);
  afterAll(() => server.close());

  const makeTwin = async (): Promise<Twin> => {
    const env = envFor(server);
    await createTopics(env);
    const connections = new Map<Bus, { sockets: Set<Socket>; dead: boolean; transport: KafkaTransport }>();
    return {
      bus: (options) => {
        const connection = { sockets: new Set<Socket>(), dead: false };
        const whole = { instanceId: newId(), env, logger: quiet, ...options };
        const transport = new KafkaTransport({
          ...whole,
          sockets: (wanted) => {
            const socket = socketFactory(connection.dead ? { ...wanted, port: 1 } : wanted);
            connection.sockets.add(socket);
            return socket;
          },
        });
        const bus = new Bus(transport, whole);
        connections.set(bus, Object.assign(connection, { transport }));
        return bus;
      },
      // To the broker this is kill -9: every connection breaks, none comes back, nobody leaves the group.
      crash: async (bus) => {
        const connection = connections.get(bus);
        if (!connection) return;
        connection.dead = true;
        for (const socket of connection.sockets) socket.destroy();
      },
      close: async () => {},
    };
  };

  busContract('Kafka', makeTwin);
  replayContract('Kafka', makeTwin);
  readingsContract('Kafka', makeTwin);
  hostileContract('Kafka', makeTwin);

  const row = (revision: number, pluginId = newId()): PluginStateData => ({
    pluginId,
    tenantId: newId(),
    publisher: 'acme',
    slug: 'greeter',
    quarantined: [],
    revision,
  });
  const connect = (env: BusEnv) =>
    Bus.create({ service: 'executor', instanceId: newId(), env, logger: quiet, requests: false });

  it('creates the topics of the table once', async () => {
    const env = envFor(server);

    const first = await createTopics(env);
    const second = await createTopics(env);

    expect(first.created).toHaveLength(topicNames.length);
    expect(second).toEqual({ created: [], existing: first.created, altered: [] });
  });

  it('brings the settings of existing topics to those of the table, and leaves the others', async () => {
    const env = envFor(server);
    await createTopics(env);
    const name = `${env.MORTISE_TOPIC_PREFIX}execution-events`;
    const type = kafkajs.ConfigResourceTypes.TOPIC;
    const admin = new kafkajs.Kafka({ brokers: [server.brokers] }).admin();
    await admin.connect();
    const settings = [
      { name: 'retention.ms', value: '1000' },
      { name: 'segment.bytes', value: '2097152' },
    ];
    await admin.alterConfigs({ validateOnly: false, resources: [{ type, name, configEntries: settings }] });

    const { altered } = await createTopics(env);

    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type, name }],
    });
    await admin.disconnect();
    const valueOf = (key: string) =>
      resources[0]?.configEntries.find(({ configName }) => configName === key)?.configValue;
    expect(altered).toEqual([name]);
    expect([valueOf('retention.ms'), valueOf('segment.bytes')]).toEqual([String(7 * 86_400_000), '2097152']);
  });

  it('names the missing topics and the command that makes them', async () => {
    const env = envFor(server);

    await expect(connect(env).start()).rejects.toThrow(
      new RegExp(`lacks the topic ${env.MORTISE_TOPIC_PREFIX}plugin-lifecycle.*topics create`),
    );
  });

  it('refuses topics with another number of partitions', async () => {
    const env = envFor(server);
    await createTopics(env);

    await expect(connect({ ...env, KAFKA_PARTITION_SCALE: 50 }).start()).rejects.toThrow(
      /has \d+ partitions and KAFKA_PARTITION_SCALE=50 asks for \d+/,
    );
  });

  it('says so when a controller is named instead of a broker', async () => {
    const env = envFor(server, { KAFKA_BROKERS: `127.0.0.1:${server.controllerPort}` });

    await expect(connect(env).start()).rejects.toThrow(/not the controllers'/);
  });

  it('says so when nobody listens', async () => {
    await expect(connect(envFor(server, { KAFKA_BROKERS: '127.0.0.1:1' })).start()).rejects.toThrow(
      'No Kafka broker answers at 127.0.0.1:1',
    );
  });

  it('reads which protocol versions the broker accepts', async () => {
    const versions = await askVersions(server.brokers, envFor(server), socketFactory);

    expect(versions.get(0)?.max).toBeGreaterThanOrEqual(7);
  });

  it('seeds a state topic, writes nothing the second time and removes what is gone', async () => {
    const env = envFor(server);
    await createTopics(env);
    const [one, two] = [row(1), row(2)];
    const seed = (...rows: PluginStateData[]) =>
      seedState(
        env,
        PluginState,
        (async function* () {
          yield* rows;
        })(),
      );

    expect(await seed(one, two)).toEqual({ written: 2, removed: 0, unchanged: 0 });
    expect(await seed(one, two)).toEqual({ written: 0, removed: 0, unchanged: 2 });
    expect(await seed({ ...two, revision: 3 })).toEqual({ written: 1, removed: 1, unchanged: 0 });

    const bus = connect(env);
    const table = bus.state(PluginState);
    await bus.start();
    await table.caughtUp;
    expect([...table.values()].map(({ pluginId, revision }) => [pluginId, revision])).toEqual([
      [two.pluginId, 3],
    ]);
    await bus.close();
  });
});
