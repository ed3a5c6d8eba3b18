import type { GrantDto, InstallationDto, Manifest } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import { coded, type TestTenant } from '../../test/test-tenant.js';

let registry: RegistryUnderTest;
let tenant: TestTenant;
let id: string;
const manifest: Partial<Manifest> = {
  permissions: [
    { resource: 'email', actions: ['send'], optional: true },
    { resource: 'records', actions: ['read'], optional: true },
    { resource: 'storage', actions: ['read'] },
  ],
};
beforeAll(async () => {
  registry = await RegistryUnderTest.start();
  tenant = registry.tenant();
  ({ id } = await tenant.install(manifest));
});
afterAll(() => registry.close());

const grant = (body: object) => tenant.post<GrantDto>(`/installations/${id}/grants`, body);
const revoke = (grantId: string) => tenant.call('DELETE', `/installations/${id}/grants/${grantId}`);
const list = async () => (await tenant.get<{ data: GrantDto[] }>(`/installations/${id}/grants`)).body.data;
const granted = (revision: number) =>
  until(() => {
    const state = registry.installations.get(id);
    return state?.revision === revision ? state : undefined;
  }, `revision ${revision} is everywhere`);

describe('grants', () => {
  it('are given with selector and end, told everywhere, and taken back', async () => {
    const expiresAt = '2100-01-01T00:00:00.000Z';
    const made = await grant({ permission: 'email:send', selector: { domains: ['a.b'] }, expiresAt });

    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ permission: 'email:send', expiresAt, grantedBy: 'key:mk_test' });
    expect(made.headers.get('mortise-installation')).toBe(`${id};revision=2`);
    expect((await granted(2)).grants).toEqual([
      { permission: 'email:send', selector: { domains: ['a.b'] }, expiresAt },
    ]);
    expect(await list()).toEqual([made.body]);

    const gone = await revoke(made.body.id);
    expect([gone.status, gone.headers.get('mortise-installation')]).toEqual([204, `${id};revision=3`]);
    expect((await granted(3)).grants).toEqual([]);
    expect(await list()).toEqual([]);
    await until(() => registry.typesOf(made.body.id).length === 2, 'both events were told');
    expect(registry.typesOf(made.body.id)).toEqual(['grant.granted', 'grant.revoked']);
    expect(coded(await revoke(made.body.id))).toEqual([404, 'NOT_FOUND']);
  });

  it('are only given for what the manifest asks for, once, and for a time to come', async () => {
    const { body } = await grant({ permission: 'records:read' });

    expect(coded(await grant({ permission: 'records:read' }))).toEqual([409, 'CONFLICT']);
    for (const [wrong, pointer] of [
      [{ permission: 'http:request' }, '/permission'],
      [{ permission: 'storage:read' }, '/permission'],
      [{ permission: 'email:send', expiresAt: '2001-01-01T00:00:00Z' }, '/expiresAt'],
      [{ permission: 'email:send', expiresAt: '2030-W05' }, '/expiresAt'],
      [{ permission: 'email:send', selector: { a: ['\ud800'] } }, '/selector/a/0'],
    ] as const) {
      const answer = await grant(wrong);
      expect(coded(answer)).toEqual([400, 'INVALID_REQUEST']);
      expect(answer.body.errors).toMatchObject([{ pointer }]);
    }
    expect((await list()).map(({ permission }) => permission)).toEqual(['records:read']);
    await revoke(body.id);
  });

  it('that have run out make way for new ones', async () => {
    const first = await grant({ permission: 'email:send', expiresAt: '2100-01-01T00:00:00Z' });
    await registry.db.system((tx) =>
      tx.query(`update grants set expires_at = now() - interval '1 minute' where id = $1`, [first.body.id]),
    );
    const second = await grant({ permission: 'email:send' });

    expect(second.status).toBe(201);
    expect((await list()).map((one) => one.id)).toEqual([second.body.id]);
  });

  it('do not count for activation once they have run out', async () => {
    const own = await tenant.install(
      { permissions: [{ resource: 'email', actions: ['send'] }] },
      { grants: [{ permission: 'email:send', expiresAt: '2100-01-01T00:00:00Z' }] },
    );
    await registry.db.system((tx) =>
      tx.query(`update grants set expires_at = now() where installation_id = $1`, [own.id]),
    );
    const answer = await tenant.post<InstallationDto>(`/installations/${own.id}/activate`);

    expect(coded(answer)).toEqual([409, 'NOT_READY_TO_ACTIVATE']);
    expect(answer.body.detail).toContain('grant:email:send');
  });

  it("are another tenant's secret", async () => {
    const { body } = await grant({ permission: 'records:read' });
    const stranger = registry.tenant();
    const of = (path = '') => `/installations/${id}/grants${path}`;

    expect(coded(await stranger.get(of()))).toEqual([404, 'INSTALLATION_NOT_FOUND']);
    expect(coded(await stranger.post(of(), { permission: 'email:send' }))).toEqual([
      404,
      'INSTALLATION_NOT_FOUND',
    ]);
    expect(coded(await stranger.call('DELETE', of(`/${body.id}`)))).toEqual([404, 'INSTALLATION_NOT_FOUND']);
    expect(coded(await revoke(newId()))).toEqual([404, 'NOT_FOUND']);
    expect(coded(await revoke('nonsense'))).toEqual([404, 'NOT_FOUND']);
  });
});
