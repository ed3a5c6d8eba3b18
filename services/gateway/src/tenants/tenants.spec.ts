import { Bus, busEnv } from '@mortise/bus';
import { TenantState, type Page, type TenantDto } from '@mortise/contracts';
import { catalogueProblems, Database } from '@mortise/database';
import { createLogger, defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { testDatabase, until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground } from '../../test/ground.js';
import { bootstrap } from '../bootstrap.js';
import { entities } from '../entities.js';
import { migrations } from '../migrations/set.js';
import { snapshot } from './tenant-snapshot.js';

const logger = createLogger({ service: 'test', level: 'silent' });

describe('tenants', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await Ground.start();
  });
  afterAll(() => ground.close());
  const create = (slug: string) => ground.call('POST', '/api/v1/tenants', { slug, name: 'A tenant' });

  it('are created by a platform-admin and listed', async () => {
    const answer = await create('acme');
    const made = (await answer.json()) as TenantDto;

    expect(answer.status).toBe(201);
    expect(made).toMatchObject({ slug: 'acme', name: 'A tenant' });
    const { data } = (await (await ground.call('GET', '/api/v1/tenants')).json()) as Page<TenantDto>;
    expect(data).toContainEqual(made);
  });

  it('have a slug of their own that is not reserved', async () => {
    await create('twice');

    expect(await ground.refusal(create('twice'))).toEqual({ status: 409, code: 'TENANT_EXISTS' });
    expect(await ground.refusal(create('upload'))).toEqual({ status: 400, code: 'INVALID_REQUEST' });
    expect(await ground.refusal(create('constructor'))).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  });

  it('can be given a retention of their own, and lose it again', async () => {
    const made = (await (await create('kept')).json()) as TenantDto;
    const patch = async (body: object, id = made.id) => ground.call('PATCH', `/api/v1/tenants/${id}`, body);

    const week = (await (await patch({ retentionDays: 7 })).json()) as TenantDto;
    const renamed = (await (await patch({ name: 'Kept & Co' })).json()) as TenantDto;
    const platform = (await (await patch({ retentionDays: null })).json()) as TenantDto;

    expect(made.retentionDays).toBe(null);
    expect(week).toEqual({ ...made, retentionDays: 7 });
    expect(renamed).toEqual({ ...week, name: 'Kept & Co' });
    expect(platform).toEqual({ ...renamed, retentionDays: null });
    for (const retentionDays of [0, 3_651, 1.5, '7'])
      expect(await ground.refusal(patch({ retentionDays }))).toMatchObject({ status: 400 });
    for (const id of [newId(), 'acme'])
      expect(await ground.refusal(patch({}, id))).toEqual({ status: 404, code: 'TENANT_NOT_FOUND' });
  });

  it('are told to everyone who follows tenant-state, those from before included', async () => {
    const follower = Bus.create({
      service: 'scheduler',
      instanceId: 'scheduler-1',
      env: loadEnv(defineEnv(busEnv), {}),
      broker: ground.broker,
      logger,
    });
    const tenants = follower.state(TenantState);
    await follower.start();
    await tenants.caughtUp;
    const slugs = () => [...tenants.values()].map(({ slug }) => slug);
    expect(slugs()).toContain('demo');

    await create('later');

    const { tenantId } = await until(
      () => [...tenants.values()].find(({ slug }) => slug === 'later'),
      'the new tenant is known',
    );
    await ground.call('PATCH', `/api/v1/tenants/${tenantId}`, { retentionDays: 3 });
    await until(() => tenants.get(tenantId)?.retentionDays === 3, 'what it keeps is known');
    await ground.call('PATCH', `/api/v1/tenants/${tenantId}`, { retentionDays: null });
    await until(() => tenants.get(tenantId)?.revision === 3, 'the last change is known');
    expect(tenants.get(tenantId)?.retentionDays).toBeUndefined();
    await follower.close();
  });
});

describe('the first key', () => {
  it('is made once, with its tenant, also when two processes start at the same time', async () => {
    const database = await testDatabase([migrations]);
    const make = () => bootstrap(database.url, { tenant: 'demo', logger });

    const keys = await Promise.all([make(), make(), make()]);

    expect(keys.filter((key) => key !== undefined)).toHaveLength(1);
    const db = await Database.connect({ url: database.url, service: 'gateway', entities, logger });
    const [topic] = snapshot(db);
    const tenants = await Array.fromAsync(topic?.rows ?? []);
    expect(tenants).toMatchObject([{ slug: 'demo', revision: 1 }]);
    const [row] = await db.system((tx) => tx.query<{ roles: string[] }[]>('select roles from api_keys'));
    expect(row?.roles).toEqual(['platform-admin', 'tenant-admin']);
    await db.close();
    await database.drop();
  });

  it('lives in tables that keep tenants apart', async () => {
    const database = await testDatabase([migrations]);

    expect(await catalogueProblems(database.url)).toEqual([]);
    await database.drop();
  });
});
