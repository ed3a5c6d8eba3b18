import { Bus, busEnv } from '@mortise/bus';
import { Control } from '@mortise/contracts';
import { createLogger, defineEnv, loadEnv } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground } from '../../test/ground.js';
import { hashOf, newKey } from './key.js';

describe('credentials', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await Ground.start();
  });
  afterAll(() => ground.close());
  const list = (headers: Record<string, string>) => ground.call('GET', '/api/v1/plugins', undefined, headers);
  const as = (key: string) => ({ authorization: `Bearer ${key}` });

  it('refuses a request without a key, with a word how to send one', async () => {
    const answer = await fetch(`${ground.gateway.url}/api/v1/plugins`);

    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(await ground.refusal(answer)).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
  });

  it.each(['Bearer mk_short', 'Basic eDp5', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x'])(
    'refuses %s',
    async (authorization) => {
      expect(await ground.refusal(list({ authorization }))).toEqual({
        status: 401,
        code: 'INVALID_CREDENTIAL',
      });
    },
  );

  it('refuses a well-formed key that nobody was given', async () => {
    expect(await ground.refusal(list(as(newKey())))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
  });

  it('refuses an expired key, also one it has in memory', async () => {
    const { key } = await ground.key('demo', ['tenant-admin']);
    expect((await list(as(key))).status).toBe(200);

    await ground.db.system((tx) =>
      tx.query(`update api_keys set expires_at = now() - interval '1 s' where hash = $1`, [
        Buffer.from(hashOf(key), 'hex'),
      ]),
    );

    await until(async () => (await list(as(key))).status === 401, 'the key expires', 6_000);
  });

  it('refuses a tenant the key does not hold and an unknown one alike', async () => {
    await ground.tenant('other');
    const refused = { status: 403, code: 'TENANT_NOT_HELD' };

    expect(await ground.refusal(list({ 'x-tenant-slug': 'other' }))).toEqual(refused);
    expect(await ground.refusal(list({ 'x-tenant-slug': 'nobody' }))).toEqual(refused);
    expect((await list({ 'x-tenant-slug': 'demo' })).status).toBe(200);
  });

  it('refuses what the roles of a key give no right to', async () => {
    const { key } = await ground.key('demo', ['tenant-admin']);
    const platform = await ground.key('demo', ['platform-admin']);

    expect(await ground.refusal(ground.call('GET', '/api/v1/tenants', undefined, as(key)))).toEqual({
      status: 403,
      code: 'FORBIDDEN',
    });
    expect(
      await ground.refusal(ground.call('GET', '/api/v1/installations', undefined, as(platform.key))),
    ).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('refuses a revoked key from the next request on', async () => {
    const { id, key } = await ground.key('demo', ['tenant-admin']);
    expect((await list(as(key))).status).toBe(200);

    expect((await ground.call('DELETE', `/api/v1/api-keys/${id}`)).status).toBe(204);

    expect(await ground.refusal(list(as(key)))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
  });

  it('forgets a key that another instance revoked as soon as it hears of it', async () => {
    const { id, key } = await ground.key('demo', ['tenant-admin']);
    expect((await list(as(key))).status).toBe(200);
    const elsewhere = Bus.create({
      service: 'gateway',
      instanceId: 'gateway-2',
      env: loadEnv(defineEnv(busEnv), {}),
      broker: ground.broker,
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
    await elsewhere.start();

    await ground.db.system((tx) => tx.query('update api_keys set revoked_at = now() where id = $1', [id]));
    await elsewhere.publish(Control, { action: 'forget-key', target: hashOf(key) });

    await until(async () => (await list(as(key))).status === 401, 'the key is forgotten', 2_000);
    await elsewhere.close();
  });

  it('refuses a revoked key within 5 s even when nobody says so', async () => {
    const { id, key } = await ground.key('demo', ['tenant-admin']);
    expect((await list(as(key))).status).toBe(200);

    await ground.db.system((tx) => tx.query('update api_keys set revoked_at = now() where id = $1', [id]));

    await until(async () => (await list(as(key))).status === 401, 'the cache runs out', 5_000);
  });
});
