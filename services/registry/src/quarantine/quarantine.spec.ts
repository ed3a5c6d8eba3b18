import type { InstallationDto, Page, QuarantineDto } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import { coded, packageOf, type TestTenant } from '../../test/test-tenant.js';

let registry: RegistryUnderTest;
let tenant: TestTenant;
let operator: TestTenant;
beforeAll(async () => {
  registry = await RegistryUnderTest.start();
  tenant = registry.tenant();
  operator = registry.operator();
});
afterAll(() => registry.close());

const quarantine = (versionId: string, reason = 'mines coins') =>
  operator.post<QuarantineDto>('/quarantine', { versionId, reason });
const release = (id: string) => operator.post<QuarantineDto>(`/quarantine/${id}/release`);
const quarantined = (pluginId: string) =>
  until(() => registry.plugins.get(pluginId), 'the plugin has a state').then((state) => state.quarantined);
const controls = (digest: string) =>
  registry.told.filter(({ topic, value }) => topic === 'control' && value?.includes(digest));

describe('a quarantine', () => {
  it('stops a version everywhere, for its installations too, until it is released', async () => {
    const { id, plugin, versionId, digest } = await tenant.install();
    const made = await quarantine(versionId);
    const activate = () => tenant.post<InstallationDto>(`/installations/${id}/activate`);

    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      versionId,
      pluginId: plugin.id,
      plugin: `${plugin.publisher}/${plugin.slug}`,
      version: '1.0.0',
      state: 'quarantined',
      createdBy: 'key:op',
      releasedAt: null,
    });
    expect(await quarantined(plugin.id)).toEqual([{ digest, reason: 'mines coins' }]);
    await until(() => controls(digest).length > 0, 'every instance was told');
    expect(JSON.parse(controls(digest)[0]?.value?.toString() ?? '')).toMatchObject({
      action: 'quarantine',
      target: digest,
    });
    expect(coded(await activate())).toEqual([423, 'QUARANTINED']);
    expect((await tenant.get<InstallationDto>(`/installations/${id}`)).body.quarantineReason).toBe(
      'mines coins',
    );

    const released = await release(made.body.id);
    expect([released.status, released.body.state]).toEqual([200, 'released']);
    await until(() => registry.plugins.get(plugin.id)?.quarantined.length === 0, 'it is released everywhere');
    expect((await activate()).status).toBe(200);
    await until(() => registry.typesOf(made.body.id).length === 2, 'both events were told');
    expect(registry.typesOf(made.body.id)).toEqual(['plugin.quarantined', 'plugin.released']);
    expect(coded(await release(made.body.id))).toEqual([404, 'QUARANTINE_NOT_FOUND']);
  });

  it('keeps a version from being installed and from being queued', async () => {
    const { id, plugin, versionId } = await tenant.install();
    await tenant.post(`/installations/${id}/activate`);
    const fresh = await tenant.publish();
    await quarantine(versionId);
    await quarantine(fresh.version.id);

    expect(coded(await tenant.post(`/installations/${id}/executions`, {}))).toEqual([423, 'QUARANTINED']);
    expect(coded(await tenant.post('/installations', { plugin: fresh.plugin.id }))).toEqual([
      423,
      'QUARANTINED',
    ]);
    expect((await tenant.call('DELETE', `/plugins/${plugin.slug}`)).status).toBe(204);
  });

  it('is one however often it is asked for, with the reason it began with', async () => {
    const { plugin, version } = await tenant.publish();
    const answers = await Promise.all(['a', 'b', 'c'].map((reason) => quarantine(version.id, reason)));

    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(new Set(answers.map(({ body }) => body.reason)).size).toBe(1);
    expect(await quarantined(plugin.id)).toHaveLength(1);
  });

  it('is of one version: the others of the plugin go on, and both can stand', async () => {
    const slug = 'two-versions';
    const one = await tenant.publish({ slug });
    const two = (await tenant.upload(packageOf({ slug, version: '1.1.0' }))).body;
    const first = await quarantine(one.version.id);
    const installed = await tenant.post<InstallationDto>('/installations', { plugin: slug });
    await quarantine(two.version.id, 'too');
    await until(() => registry.plugins.get(one.plugin.id)?.quarantined.length === 2, 'both stand');
    await release(first.body.id);

    expect(installed.body.version).toBe('1.1.0');
    await until(() => registry.plugins.get(one.plugin.id)?.revision === 4, 'the release is everywhere');
    expect(await quarantined(one.plugin.id)).toEqual([{ digest: two.version.digest, reason: 'too' }]);
  });

  it('is part of the state that a bus is given when it starts anew', async () => {
    const { plugin, version } = await tenant.publish();
    await quarantine(version.id, 'for good');
    await registry.restart();

    expect(registry.plugins.get(plugin.id)?.quarantined).toEqual([
      { digest: version.digest, reason: 'for good' },
    ]);
  });

  it('is listed newest first, for operators only', async () => {
    const own = registry.tenant();
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      const { version } = await own.publish();
      ids.unshift((await quarantine(version.id)).body.id);
    }
    const first = await operator.get<Page<QuarantineDto>>('/quarantine?limit=2');
    const second = await operator.get<Page<QuarantineDto>>(
      `/quarantine?limit=1&cursor=${first.body.page.next}`,
    );

    expect([...first.body.data, ...second.body.data].map(({ id }) => id)).toEqual(ids);
    expect(coded(await own.get('/quarantine'))).toEqual([403, 'FORBIDDEN']);
    expect(coded(await own.post('/quarantine', { versionId: newId(), reason: 'x' }))).toEqual([
      403,
      'FORBIDDEN',
    ]);
  });

  it('is refused for what is no version, and what cannot be kept of a reason is replaced', async () => {
    const { version } = await tenant.publish();

    expect(coded(await quarantine(newId()))).toEqual([404, 'VERSION_NOT_FOUND']);
    expect(coded(await quarantine('-'.repeat(36)))).toEqual([404, 'VERSION_NOT_FOUND']);
    expect(coded(await quarantine('x'))).toEqual([400, 'INVALID_REQUEST']);
    expect(coded(await release('x'))).toEqual([404, 'QUARANTINE_NOT_FOUND']);
    expect((await quarantine(version.id, 'a\0b')).body.reason).toBe('a\ufffdb');
  });
});
