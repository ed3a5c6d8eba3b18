import type { InstallationDto, Manifest, Page } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import { coded, type Answer, type TestTenant } from '../../test/test-tenant.js';

let registry: RegistryUnderTest;
let tenant: TestTenant;
beforeAll(async () => {
  registry = await RegistryUnderTest.start();
  tenant = registry.tenant();
});
afterAll(() => registry.close());

const config = {
  type: 'object',
  properties: { url: { type: 'string' }, retries: { type: 'integer', default: 3 } },
  required: ['url'],
  additionalProperties: false,
};
const http: Partial<Manifest> = {
  permissions: [
    { resource: 'http', actions: ['request'] },
    { resource: 'email', actions: ['send'], optional: true },
    { resource: 'storage', actions: ['read'] },
  ],
  network: { allow: ['api.example.com'] },
};
const change = (id: string, action: string) => tenant.post<InstallationDto>(`/installations/${id}/${action}`);
const state = (id: string, revision: number) =>
  until(() => {
    const known = registry.installations.get(id);
    return known && known.revision >= revision ? known : undefined;
  }, `revision ${revision} of ${id} is everywhere`);
const patch = (id: string, body: unknown, ifMatch?: string): Promise<Answer<InstallationDto>> =>
  tenant.call('PATCH', `/installations/${id}/config`, body, {
    'content-type': 'application/merge-patch+json',
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
  });

describe('an installation', () => {
  it('is installed with defaults, activated, and its whole state is told each time', async () => {
    const { plugin, version } = await tenant.publish({
      config,
      secrets: [{ key: 'TOKEN' }],
      jobs: [{ name: 'j', schedule: '@daily', function: 'greet' }],
    });
    const made = await tenant.post<InstallationDto>('/installations', {
      plugin: `${plugin.publisher}/${plugin.slug}`,
      config: { url: 'x' },
    });
    const { id } = made.body;
    const active = await change(id, 'activate');

    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/api/v1/installations/${id}`);
    expect(made.headers.get('mortise-installation')).toBe(`${id};revision=1`);
    expect(made.body).toMatchObject({
      status: 'installed',
      version: '1.0.0',
      digest: version.digest,
      config: { url: 'x', retries: 3 },
      missing: [],
    });
    expect(active.headers.get('mortise-installation')).toBe(`${id};revision=2`);
    expect(active.body).toMatchObject({ status: 'active', revision: 2 });
    expect(await state(id, 2)).toMatchObject({
      tenantId: tenant.id,
      pluginId: plugin.id,
      slug: plugin.slug,
      digest: version.digest,
      status: 'active',
      config: { url: 'x', retries: 3 },
      configRevision: 1,
      secretKeys: ['TOKEN'],
      functions: { greet: {} },
      jobs: [{ name: 'j' }],
      main: 'main.js',
    });
    await until(() => registry.typesOf(id).length === 2, 'both events were told');
    expect(registry.typesOf(id)).toEqual(['installation.installed', 'installation.activated']);
  });

  it('goes through its life, and each answer names what is possible when something is not', async () => {
    const { id } = await tenant.install();
    const early = await change(id, 'reload');
    await change(id, 'activate');
    const twice = await change(id, 'activate');
    const reloaded = await change(id, 'reload');
    const off = await change(id, 'deactivate');
    const gone = await tenant.call('DELETE', `/installations/${id}`);

    expect(coded(early)).toEqual([409, 'TRANSITION_NOT_ALLOWED']);
    expect(coded(twice)).toEqual([409, 'TRANSITION_NOT_ALLOWED']);
    expect(twice.body.detail).toContain('deactivate, reload');
    expect(reloaded.body).toMatchObject({ status: 'active', revision: 3 });
    expect(off.body).toMatchObject({ status: 'inactive', revision: 4 });
    expect([gone.status, gone.headers.get('mortise-installation')]).toEqual([204, `${id};revision=5`]);
    expect(await state(id, 5)).toMatchObject({ status: 'uninstalled' });
    await until(() => registry.typesOf(id).length === 4, 'the events were told');
    expect(JSON.parse(registry.told.at(-1)?.value?.toString() ?? '')).toMatchObject({ keepData: true });
    expect(coded(await tenant.get(`/installations/${id}`))).toEqual([404, 'INSTALLATION_NOT_FOUND']);
  });

  it('can be installed again after it was removed, with its data dropped when asked', async () => {
    const first = await tenant.install();
    const twice = await tenant.post('/installations', { plugin: first.plugin.id });
    await tenant.call('DELETE', `/installations/${first.id}?keepData=false`);
    const again = await tenant.post<InstallationDto>('/installations', { plugin: first.plugin.id });

    expect(coded(twice)).toEqual([409, 'ALREADY_INSTALLED']);
    expect(twice.body.detail).toContain(first.id);
    expect(again.status).toBe(201);
    await until(() => registry.typesOf(first.id).includes('installation.uninstalled'), 'the end was told');
    const end = registry.told.find(
      ({ value, headers }) => headers['ce_type'] === 'installation.uninstalled' && value?.includes(first.id),
    );
    expect(JSON.parse(end?.value?.toString() ?? '')).toMatchObject({ keepData: false });
  });

  it('is made once when it is asked for at once', async () => {
    const { plugin } = await tenant.publish();
    const answers = await Promise.all(
      [1, 2, 3].map(() => tenant.post('/installations', { plugin: plugin.id })),
    );

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('shares its slug with no other in the tenant, also when both come at once', async () => {
    const slug = 'homonym';
    const one = await tenant.publish({ slug, publisher: 'one-house' });
    const other = await tenant.publish({ slug, publisher: 'other-house' });
    const answers = await Promise.all(
      [one, other].map(({ plugin }) => tenant.post('/installations', { plugin: plugin.id })),
    );

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('SLUG_TAKEN');
    expect(coded(await tenant.get(`/plugins/${slug}`))).toEqual([409, 'PLUGIN_AMBIGUOUS']);
  });

  it('is not there for another tenant, nor under a name that is no id', async () => {
    const { id } = await tenant.install();
    const stranger = registry.tenant();
    for (const [who, name] of [
      [stranger, id],
      [tenant, newId()],
      [tenant, 'nonsense'],
    ] as const) {
      const answers = [
        await who.get(`/installations/${name}`),
        await who.post(`/installations/${name}/activate`),
        await who.post(`/installations/${name}/deactivate`),
        await who.post(`/installations/${name}/reload`),
        await who.call('DELETE', `/installations/${name}`),
        await who.call('PUT', `/installations/${name}`, { config: {} }, { 'if-match': '"1"' }),
        await who.call('PATCH', `/installations/${name}/config`, {}, { 'if-match': '"1"' }),
        await who.get(`/installations/${name}/secrets`),
        await who.get(`/installations/${name}/grants`),
        await who.get(`/installations/${name}/logs`),
        await who.post(`/installations/${name}/executions`, {}),
      ];

      expect(answers.map(coded)).toEqual(answers.map(() => [404, 'INSTALLATION_NOT_FOUND']));
    }
  });

  it('is listed page by page, by status', async () => {
    const own = registry.tenant();
    const ids = [];
    for (let count = 0; count < 3; count++) ids.unshift((await own.install()).id);
    await own.post(`/installations/${ids[0]}/activate`);
    const first = await own.get<Page<InstallationDto>>('/installations?limit=2');
    const second = await own.get<Page<InstallationDto>>(
      `/installations?limit=2&cursor=${first.body.page.next}`,
    );
    const active = await own.get<Page<InstallationDto>>('/installations?status=active');

    expect([...first.body.data, ...second.body.data].map(({ id }) => id)).toEqual(ids);
    expect(active.body.data.map(({ id }) => id)).toEqual([ids[0]]);
    expect(coded(await own.get('/installations?cursor=x'))).toEqual([400, 'INVALID_CURSOR']);
  });
});

describe('what an installation needs', () => {
  it('is asked for when it is installed: a config that fits', async () => {
    const { plugin } = await tenant.publish({ config });
    const install = (value: unknown) => tenant.post('/installations', { plugin: plugin.id, config: value });
    const wrong = await install({ url: 7 });

    expect(coded(wrong)).toEqual([422, 'CONFIG_INVALID']);
    expect(wrong.body.errors).toMatchObject([{ pointer: '/config/url' }]);
    expect(coded(await install({}))).toEqual([422, 'CONFIG_INVALID']);
    expect(coded(await install({ url: 'a\0b' }))).toEqual([422, 'CONFIG_INVALID']);
    expect(coded(await install({ url: '\ud800' }))).toEqual([422, 'CONFIG_INVALID']);
    expect(coded(await install({ url: 'x'.repeat(70_000) }))).toEqual([413, 'BODY_TOO_LARGE']);
    expect(coded(await install({ url: 'ü'.repeat(40_000) }))).toEqual([413, 'BODY_TOO_LARGE']);
  });

  it('is asked for when it is installed: every required permission, by name', async () => {
    const { plugin } = await tenant.publish(http);
    const install = (grants?: unknown) =>
      tenant.post<InstallationDto>('/installations', { plugin: plugin.id, grants });
    const without = await install();
    const over = await install([{ permission: 'http:request', expiresAt: '2020-01-01T00:00:00Z' }]);
    const foreign = await install([{ permission: 'records:read' }]);
    const twice = await install([{ permission: 'http:request' }, { permission: 'http:request' }]);
    const noDate = await install([{ permission: 'http:request', expiresAt: '2030-W05' }]);
    const unstorable = await install([{ permission: 'http:request', selector: { host: '\0' } }]);
    const all = await install('all');

    expect(coded(without)).toEqual([409, 'GRANTS_MISSING']);
    expect(without.body.details).toMatchObject({ missing: 'http:request' });
    for (const [answer, pointer] of [
      [over, '/grants/0/expiresAt'],
      [foreign, '/grants/0/permission'],
      [twice, '/grants/1/permission'],
      [noDate, '/grants/0/expiresAt'],
      [unstorable, '/grants/0/selector/host'],
    ] as const) {
      expect(coded(answer)).toEqual([400, 'INVALID_REQUEST']);
      expect(answer.body.errors).toMatchObject([{ pointer }]);
    }
    // Everything it cannot do without, and nothing the admin was not asked about.
    expect(all.body.grants).toMatchObject([{ permission: 'http:request', grantedBy: 'key:mk_test' }]);
    expect(await state(all.body.id, 1)).toMatchObject({
      network: { allow: ['api.example.com'], configured: [] },
    });
  });

  it('is asked for when it is activated', async () => {
    const { id } = await tenant.install({ secrets: [{ key: 'TOKEN', required: true }] });
    const early = await change(id, 'activate');
    await tenant.call('PUT', `/installations/${id}/secrets/TOKEN`, { value: 'x' });
    const ready = await change(id, 'activate');

    expect(coded(early)).toEqual([409, 'NOT_READY_TO_ACTIVATE']);
    expect(early.body.detail).toContain('secret:TOKEN');
    expect(ready.status).toBe(200);
  });
});

describe('the config', () => {
  it('changes only for who has read it', async () => {
    const { id } = await tenant.install({ config }, { config: { url: 'a' } });
    const etag = (await tenant.get(`/installations/${id}`)).headers.get('etag') as string;

    expect(coded(await patch(id, { url: 'b' }))).toEqual([428, 'PRECONDITION_REQUIRED']);
    for (const other of ['"7"', 'W/"1"', '1', 'nonsense']) {
      const refused = await patch(id, { url: 'b' }, other);
      expect(coded(refused)).toEqual([412, 'PRECONDITION_FAILED']);
      expect(refused.body.detail).toContain('now revision 1');
    }
    const changed = await patch(id, { url: 'b', retries: null }, etag);
    expect(changed.body).toMatchObject({ config: { url: 'b', retries: 3 }, configRevision: 2, revision: 2 });
    expect(changed.headers.get('etag')).toBe('"2"');
    expect(coded(await patch(id, { url: 'c' }, etag))).toEqual([412, 'PRECONDITION_FAILED']);
    expect((await patch(id, { url: 'c' }, `"9", "2"`)).status).toBe(200);
    expect((await patch(id, { url: 'd' }, '*')).status).toBe(200);
    expect(await state(id, 4)).toMatchObject({ config: { url: 'd' }, configRevision: 4 });
  });

  it('changes once when two who have read the same change it at once', async () => {
    const { id } = await tenant.install({ config }, { config: { url: 'a' } });
    const answers = await Promise.all(['b', 'c', 'd'].map((url) => patch(id, { url }, '"1"')));

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
  });

  it('is replaced as a whole by PUT', async () => {
    const { id } = await tenant.install({ config }, { config: { url: 'a', retries: 9 } });
    const put = (body: unknown, ifMatch = '"1"') =>
      tenant.call<InstallationDto>('PUT', `/installations/${id}`, body, { 'if-match': ifMatch });

    expect((await put({ config: { url: 'b' } })).body.config).toEqual({ url: 'b', retries: 3 });
    expect(coded(await put({ config: { url: 'c' } }))).toEqual([412, 'PRECONDITION_FAILED']);
    expect(coded(await put({ config: { retries: 1 } }, '"2"'))).toEqual([422, 'CONFIG_INVALID']);
    expect(coded(await put({ config: {}, surprise: 1 }, '"2"'))).toEqual([400, 'INVALID_REQUEST']);
  });

  it('never becomes something that cannot be kept', async () => {
    const { id } = await tenant.install({ config }, { config: { url: 'a' } });

    expect(coded(await patch(id, { url: '\0' }, '"1"'))).toEqual([422, 'CONFIG_INVALID']);
    expect(coded(await patch(id, { url: 'ü'.repeat(40_000) }, '"1"'))).toEqual([413, 'BODY_TOO_LARGE']);
    expect(coded(await patch(id, [1], '"1"'))).toEqual([400, 'INVALID_REQUEST']);
    expect(coded(await patch(id, undefined, '"1"'))).toEqual([400, 'INVALID_REQUEST']);
  });
});

describe('the older routes', () => {
  const install = (body: object) => tenant.post<InstallationDto>('/plugins', body);

  it('install, grant what is required and activate in one call', async () => {
    const { plugin } = await tenant.publish(http);
    const answer = await install({ plugin_id: plugin.slug, version: '1.0.0' });

    expect(answer.status).toBe(201);
    expect(answer.headers.get('mortise-installation')).toBe(`${answer.body.id};revision=2`);
    expect(answer.body).toMatchObject({ status: 'active', missing: [] });
    expect(answer.body.grants).toMatchObject([{ permission: 'http:request', grantedBy: 'key:mk_test' }]);
    expect(coded(await install({ plugin_id: plugin.slug }))).toEqual([409, 'ALREADY_INSTALLED']);
  });

  it('install what is not complete and name what is missing, but refuse what is wrong', async () => {
    const { plugin } = await tenant.publish({ config, secrets: [{ key: 'TOKEN', required: true }] });
    const wrong = await install({ plugin_id: plugin.id, config: { url: 7 } });
    const incomplete = await install({ plugin_id: plugin.id, config: { retries: 5 } });
    const { id } = incomplete.body;
    await tenant.call('PUT', `/installations/${id}/secrets/TOKEN`, { value: 'x' });
    const configured = await tenant.call<InstallationDto>('PATCH', `/plugins/${plugin.slug}/config`, {
      url: 'x',
    });
    const active = await tenant.post<InstallationDto>(`/plugins/${plugin.slug}/activate`);

    expect(coded(wrong)).toEqual([422, 'CONFIG_INVALID']);
    expect(incomplete.status).toBe(201);
    expect(incomplete.body).toMatchObject({ status: 'installed', missing: ['config', 'secret:TOKEN'] });
    expect(configured.body.config).toEqual({ url: 'x', retries: 5 });
    expect(active.body.status).toBe('active');
  });

  it('check their bodies as strictly as the others', async () => {
    expect(coded(await install({}))).toEqual([400, 'INVALID_REQUEST']);
    expect(coded(await install({ plugin_id: 'x', surprise: 1 }))).toEqual([400, 'INVALID_REQUEST']);
    expect(coded(await install({ plugin_id: 'unknown' }))).toEqual([404, 'PLUGIN_NOT_FOUND']);
  });

  it('find the installation by its plugin through its life, with If-Match heeded where it is sent', async () => {
    const { plugin, id } = await tenant.install({ config: { type: 'object' } });
    const path = `/plugins/${encodeURIComponent(`${plugin.publisher}/${plugin.slug}`)}`;
    const statuses = [];
    for (const action of ['activate', 'reload', 'deactivate'])
      statuses.push((await tenant.post<InstallationDto>(`${path}/${action}`)).body.status);
    const stale = await tenant.call('PATCH', `${path}/config`, { a: 1 }, { 'if-match': '"7"' });
    const removed = await tenant.call('DELETE', path);
    const missing = await tenant.call('DELETE', path);

    expect(statuses).toEqual(['active', 'active', 'inactive']);
    expect(coded(stale)).toEqual([412, 'PRECONDITION_FAILED']);
    expect([removed.status, removed.headers.get('mortise-installation')]).toEqual([204, `${id};revision=5`]);
    expect(coded(missing)).toEqual([404, 'INSTALLATION_NOT_FOUND']);
  });
});

describe('state', () => {
  it('is given whole to a bus that starts anew, without what is gone', async () => {
    const own = registry.tenant();
    const kept = await own.install(http, {
      grants: [{ permission: 'http:request', selector: { hosts: ['a'] } }],
    });
    const gone = await own.install();
    await own.call('DELETE', `/installations/${gone.id}`);
    await state(gone.id, 2);
    await registry.restart();

    expect(registry.installations.get(kept.id)).toMatchObject({
      revision: 1,
      requested: ['http:request', 'email:send', 'storage:read'],
      grants: [{ permission: 'http:request', selector: { hosts: ['a'] } }],
    });
    expect(registry.installations.get(gone.id)).toBeUndefined();
  });
});
