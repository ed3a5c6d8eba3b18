import {
  SecurityViolation,
  type InstallationData,
  type InstallationDto,
  type KillEvidence,
} from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import { coded, packageOf, type TestTenant } from '../../test/test-tenant.js';
import { reasonOf } from './crash-budget.js';

let registry: RegistryUnderTest;
beforeAll(async () => (registry = await RegistryUnderTest.start()));
afterAll(() => registry.close());

const kill: KillEvidence = {
  reason: 'deadline',
  message: 'A run that was cut off did not let go',
  blamed: true,
  rssMb: 90,
  cpuMs: 1_100,
  wallMs: 1_105,
  neighbours: 2,
};

interface Installed {
  id: string;
  plugin: { id: string };
  digest: string;
}

/** What an executor tells of so many killed workers. */
async function killed(
  tenant: TestTenant,
  of: Installed,
  times: number,
  agoMs = 0,
  evidence = kill,
): Promise<void> {
  for (let count = 0; count < times; count++) {
    await registry.bus.publish(SecurityViolation, {
      pluginId: of.plugin.id,
      tenantId: tenant.id,
      installationId: of.id,
      executionId: newId(),
      digest: of.digest,
      kill: evidence,
      at: new Date(Date.now() - agoMs).toISOString(),
    });
  }
}

async function active(bytes = packageOf()) {
  const tenant = registry.tenant();
  const { plugin } = (await tenant.upload(bytes)).body;
  const { body: installed } = await tenant.post<InstallationDto>('/installations', { plugin: plugin.id });
  await tenant.post(`/installations/${installed.id}/activate`);
  const view = () => tenant.get<InstallationDto>(`/installations/${installed.id}`).then(({ body }) => body);
  return { tenant, installed, view };
}

const suspended = (id: string) =>
  registry.told
    .filter(({ headers, key }) => headers['ce_type'] === 'installation.suspended' && key === id)
    .map(({ value }) => JSON.parse(value?.toString() ?? '') as InstallationData);

describe('the crash budget', () => {
  it('suspends an installation that has one worker too many killed, by an event with the evidence', async () => {
    const { tenant, installed, view } = await active();

    await killed(tenant, installed, 5);

    await until(() => suspended(installed.id).length > 0, 'it was told');
    expect(suspended(installed.id)).toMatchObject([
      {
        status: 'suspended',
        actor: 'platform:crash-budget',
        reason: '5 workers had to be killed: 5 deadline',
        kills: [kill, kill, kill, kill, kill],
      },
    ]);
    expect(registry.installations.get(installed.id)?.status).toBe('suspended');
    expect(await view()).toMatchObject({
      status: 'suspended',
      quarantineReason: '5 workers had to be killed: 5 deadline',
    });
    expect(coded(await tenant.post(`/installations/${installed.id}/activate`))[0]).toBe(409);
  });

  it('gives a whole budget to one that its admin takes back into service', async () => {
    const { tenant, installed, view } = await active();
    await killed(tenant, installed, 5);
    await until(async () => (await view()).status === 'suspended', 'it is suspended');

    await tenant.post(`/installations/${installed.id}/deactivate`);
    await tenant.post(`/installations/${installed.id}/activate`);
    await killed(tenant, installed, 4);
    // Outside of the window.
    await killed(tenant, installed, 1, 11 * 60_000);
    await until(() => kept(installed.id).then((rows) => rows === 10), 'all are heard of');

    expect(await view()).toMatchObject({ status: 'active', quarantineReason: null });
    await killed(tenant, installed, 1);
    await until(async () => (await view()).status === 'suspended', 'it is suspended again');
  });

  it('counts what is told twice once, and what is no kill not at all', async () => {
    const { tenant, installed, view } = await active();
    const at = new Date().toISOString();
    const about = {
      ...{ pluginId: installed.plugin.id, tenantId: tenant.id, installationId: installed.id },
      ...{ executionId: newId(), digest: installed.digest, at },
    };
    for (let count = 0; count < 8; count++) {
      await registry.bus.publish(SecurityViolation, { ...about, kill });
      await registry.bus.publish(SecurityViolation, {
        ...about,
        executionId: newId(),
        permission: 'http:get',
      });
    }
    await killed(tenant, installed, 3);
    await until(() => kept(installed.id).then((rows) => rows === 4), 'all are heard of');

    expect((await view()).status).toBe('active');
  });

  it('stops a package in all tenants once it was stopped in three', async () => {
    const bytes = packageOf();
    const homes = [await active(bytes), await active(bytes), await active(bytes)];
    const [first] = homes;
    for (const { tenant, installed } of homes) await killed(tenant, installed, 5);

    for (const { view } of homes)
      await until(async () => (await view()).status === 'suspended', 'each is suspended');
    const quarantined = () => registry.plugins.get(first?.installed.plugin.id ?? '')?.quarantined ?? [];
    await until(() => quarantined().length > 0, 'the package is quarantined');
    expect(quarantined()).toEqual([
      {
        digest: first?.installed.digest,
        reason: 'Stopped in 3 tenants: 5 workers had to be killed: 5 deadline',
      },
    ]);
  });

  it('stops no package for memory that neighbours may have filled', async () => {
    const bytes = packageOf();
    const homes = [await active(bytes), await active(bytes), await active(bytes)];
    const crowded: KillEvidence = { ...kill, reason: 'memory_cap', neighbours: 1 };
    const quarantined = () => registry.plugins.get(homes[0]?.installed.plugin.id ?? '')?.quarantined ?? [];
    for (const { tenant, installed } of homes) await killed(tenant, installed, 5, 0, crowded);
    for (const { view } of homes)
      await until(async () => (await view()).status === 'suspended', 'each is suspended');

    for (const { tenant, installed } of homes.slice(0, 2))
      await killed(tenant, installed, 5, 0, { ...crowded, neighbours: 0 });
    const [, , third] = homes;
    if (third) await killed(third.tenant, third.installed, 4, 0, { ...crowded, neighbours: 0 });
    for (const { installed } of homes.slice(0, 2))
      await until(() => kept(installed.id).then((rows) => rows === 10), 'all are heard of');
    expect(quarantined()).toEqual([]);

    if (third) await killed(third.tenant, third.installed, 1, 0, { ...crowded, neighbours: 0 });
    await until(() => quarantined().length > 0, 'the package is quarantined');
  });

  it('says what it counted', () => {
    expect(reasonOf([kill, { ...kill, reason: 'crashed' }, kill])).toBe(
      '3 workers had to be killed: 2 deadline, 1 crashed',
    );
  });
});

const kept = async (installationId: string): Promise<number> => {
  const [row] = await registry.db.system((tx) =>
    tx.query<{ count: number }[]>('select count(*)::integer as count from kills where installation_id = $1', [
      installationId,
    ]),
  );
  return row?.count ?? 0;
};
