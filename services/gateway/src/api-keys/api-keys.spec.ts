import type { ApiKeyCreatedDto, ApiKeyDto, Page } from '@mortise/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground, problemOf } from '../../test/ground.js';
import { hashOf } from '../credentials/key.js';

describe('API keys', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await Ground.start();
  });
  afterAll(() => ground.close());
  const create = (body: unknown) => ground.call('POST', '/api/v1/api-keys', body);

  it('are shown once and stored as their SHA-256', async () => {
    const answer = await create({ tenant: 'demo', roles: ['tenant-admin'] });
    const made = (await answer.json()) as ApiKeyCreatedDto;

    expect(answer.status).toBe(201);
    expect(made).toMatchObject({ tenant: 'demo', roles: ['tenant-admin'], expiresAt: null, revokedAt: null });
    expect(made.key.startsWith(made.prefix)).toBe(true);
    const rows = await ground.db.system((tx) =>
      tx.query<Record<string, unknown>[]>('select * from api_keys where id = $1', [made.id]),
    );
    expect((rows[0]?.hash as Buffer).toString('hex')).toBe(hashOf(made.key));
    expect(JSON.stringify(rows)).not.toContain(made.key.slice(12));
  });

  it('are listed by prefix, never with the key', async () => {
    const made = await ground.key('demo', ['tenant-admin']);

    const answer = await ground.call('GET', `/api/v1/api-keys?prefix=${made.prefix}`);
    const { data } = (await answer.json()) as Page<ApiKeyDto>;

    expect(data.map(({ id }) => id)).toEqual([made.id]);
    expect(data[0]).not.toHaveProperty('key');
    expect(data[0]).not.toHaveProperty('hash');
    const none = await ground.call('GET', '/api/v1/api-keys?prefix=mk%25');
    expect(((await none.json()) as Page<ApiKeyDto>).data).toEqual([]);
  });

  it('are listed in pages, newest first', async () => {
    const newest = await ground.key('demo', ['tenant-admin']);

    const first = (await (await ground.call('GET', '/api/v1/api-keys?limit=1')).json()) as Page<ApiKeyDto>;
    const second = (await (
      await ground.call('GET', `/api/v1/api-keys?limit=1&cursor=${first.page.next}`)
    ).json()) as Page<ApiKeyDto>;

    expect(first.data[0]?.id).toBe(newest.id);
    expect(second.data[0]?.id).not.toBe(newest.id);
    expect(await ground.refusal(ground.call('GET', '/api/v1/api-keys?cursor=abc'))).toEqual({
      status: 400,
      code: 'INVALID_CURSOR',
    });
  });

  it('are revoked once and for all; once more changes nothing', async () => {
    const { id } = await ground.key('demo', ['tenant-admin']);

    const revoke = () => ground.call('DELETE', `/api/v1/api-keys/${id}`);

    expect([(await revoke()).status, (await revoke()).status]).toEqual([204, 204]);
    expect(await ground.refusal(ground.call('DELETE', '/api/v1/api-keys/nonsense'))).toEqual({
      status: 404,
      code: 'API_KEY_NOT_FOUND',
    });
  });

  it('name each wrong place of a request', async () => {
    const wrong = await problemOf(await create({ tenant: 'demo', roles: ['king'], expiresAt: 'soon' }));
    const over = await problemOf(
      await create({ tenant: 'demo', roles: ['tenant-admin'], expiresAt: '2020-01-01T00:00:00Z' }),
    );

    expect(wrong).toMatchObject({ status: 400, problem: { code: 'INVALID_REQUEST' } });
    expect(wrong.problem.errors?.map(({ pointer }) => pointer).sort()).toEqual(['/expiresAt', '/roles']);
    expect(over.problem.errors?.[0]).toMatchObject({ pointer: '/expiresAt', rule: 'future' });
    expect(await ground.refusal(create({ tenant: 'nobody', roles: ['tenant-admin'] }))).toEqual({
      status: 404,
      code: 'TENANT_NOT_FOUND',
    });
  });
});
