import { ExecuteInBackground } from '@mortise/contracts';
import { defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { kafkaAvailable, startKafka, until, type KafkaServer } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bus } from '../bus.js';
import { quiet } from '../bus.contract.js';
import { busEnv } from '../env.js';
import { createTopics } from '../seed.js';

const available = await kafkaAvailable();
const user = { username: 'mortise', password: 'a-secret-of-this-test' };

describe.skipIf(!available.ok)('a cluster that asks for TLS and a login', () => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await startKafka({ user });
  }, 180_000);
  afterAll(() => server.close());

  const envWith = (more: Record<string, string>) =>
    loadEnv(defineEnv(busEnv), {
      BUS: 'kafka',
      KAFKA_BROKERS: server.secured?.brokers ?? '',
      KAFKA_PARTITION_SCALE: '10',
      MORTISE_TOPIC_PREFIX: `t${newId().slice(-8)}.`,
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA_FILE: server.secured?.caFile ?? '',
      KAFKA_SASL_USERNAME: user.username,
      KAFKA_SASL_PASSWORD: user.password,
      ...more,
    });
  const connect = (env: ReturnType<typeof envWith>) =>
    Bus.create({ service: 'executor', instanceId: newId(), env, logger: quiet });

  it.each(['plain', 'scram-sha-512'])('carries records by %s', async (mechanism) => {
    const env = envWith({ KAFKA_SASL_MECHANISM: mechanism });
    await createTopics(env);
    const bus = connect(env);
    const got: string[] = [];
    const { topic } = ExecuteInBackground;
    bus.consume({ topic, handler: async ({ value }) => void got.push(String(value)) });
    await bus.start();

    await bus.send([{ topic, key: 'k', value: Buffer.from('over TLS'), headers: {} }]);

    await until(() => got.length > 0, 'it comes back');
    expect(got).toEqual(['over TLS']);
    await bus.close();
  });

  it('says so when the password is wrong, and does not repeat it', async () => {
    const wrong = 'not-the-secret';
    const env = envWith({ KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_PASSWORD: wrong });

    const error: unknown = await connect(env)
      .start()
      .catch((reason: unknown) => reason);

    expect(String(error)).toMatch(/KAFKA_SASL_PASSWORD/);
    expect(String(error)).not.toContain(wrong);
  });

  it('says so when it asks for a login that was not set', async () => {
    await expect(connect(envWith({ KAFKA_SASL_MECHANISM: 'none' })).start()).rejects.toThrow(
      /set KAFKA_SASL_MECHANISM/,
    );
  });

  it('says so when the certificate is not trusted, or TLS is not spoken', async () => {
    const mechanism = { KAFKA_SASL_MECHANISM: 'plain' };
    const { KAFKA_TLS_CA_FILE: _, ...untrusting } = envWith(mechanism);
    const plain = envWith({ ...mechanism, KAFKA_TLS: 'false' });

    await expect(connect(untrusting as typeof plain).start()).rejects.toThrow(/KAFKA_TLS/);
    await expect(connect(plain).start()).rejects.toThrow(/KAFKA_TLS/);
  });
});
