import { createHash } from 'node:crypto';
import type { Page, PluginDetailDto, PluginDto, VersionDetailDto, VersionDto } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import { coded, packageOf, type TestTenant } from '../../test/test-tenant.js';

let registry: RegistryUnderTest;
let tenant: TestTenant;
beforeAll(async () => {
  registry = await RegistryUnderTest.start();
  tenant = registry.tenant();
});
afterAll(() => registry.close());

const slugs = async (who: TestTenant, query = '') =>
  (await who.get<Page<PluginDto>>(`/plugins${query}`)).body.data.map(({ slug }) => slug);

describe('plugins', () => {
  it('are found by id, by publisher and slug, and by slug, whatever the case', async () => {
    const { plugin } = await tenant.publish({
      slug: 'finder',
      name: 'Finder',
      category: 'tools',
      description: 'd',
    });
    const names = [plugin.id, encodeURIComponent(`${plugin.publisher}/finder`), 'finder', 'Finder'];
    const answers = await Promise.all(names.map((name) => tenant.get<PluginDetailDto>(`/plugins/${name}`)));

    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body).toMatchObject({
        id: plugin.id,
        publisher: tenant.principal.tenantSlug,
        slug: 'finder',
        name: 'Finder',
        category: 'tools',
        description: 'd',
        latestVersion: '1.0.0',
        installation: null,
        versions: [{ version: '1.0.0', status: 'validated' }],
      });
    }
  });

  it('are not there under other names, nor for another tenant', async () => {
    const { plugin } = await tenant.publish({ slug: 'hidden' });
    const stranger = registry.tenant();
    const publisher = tenant.principal.tenantSlug;

    for (const name of [
      newId(),
      'unknown',
      'a%00b',
      `${publisher}%2Fhidden%2Fmore`,
      `other%2Fhidden`,
      '%F0%9F%A4%96',
    ])
      expect(coded(await tenant.get(`/plugins/${name}`))).toEqual([404, 'PLUGIN_NOT_FOUND']);
    for (const path of ['', '/versions', '/versions/1.0.0', '/versions/1.0.0/package'])
      for (const name of [plugin.id, 'hidden', `${publisher}%2Fhidden`])
        expect(coded(await stranger.get(`/plugins/${name}${path}`))).toEqual([404, 'PLUGIN_NOT_FOUND']);
    expect(coded(await stranger.post('/installations', { plugin: plugin.id }))).toEqual([
      404,
      'PLUGIN_NOT_FOUND',
    ]);
    expect(await slugs(stranger)).toEqual([]);
  });

  it('are listed newest first, page by page, there and back', async () => {
    const own = registry.tenant();
    const made: string[] = [];
    for (let count = 0; count < 5; count++) made.unshift((await own.publish()).plugin.slug);
    const page = async (query: string) => (await own.get<Page<PluginDto>>(`/plugins?limit=2${query}`)).body;
    const first = await page('');
    const second = await page(`&cursor=${first.page.next}`);
    const third = await page(`&cursor=${second.page.next}`);
    const back = await page(`&cursor=${second.page.prev}`);

    expect([first, second, third].flatMap(({ data }) => data.map(({ slug }) => slug))).toEqual(made);
    expect(back.data).toEqual(first.data);
    expect([first.page.prev, third.page.next]).toEqual([null, null]);
    expect(coded(await own.get('/plugins?cursor=nonsense'))).toEqual([400, 'INVALID_CURSOR']);
    expect(coded(await own.get('/plugins?limit=0'))).toEqual([400, 'INVALID_REQUEST']);
    expect(coded(await own.get('/plugins?surprise=1'))).toEqual([400, 'INVALID_REQUEST']);
  });

  it('are narrowed by words, category and the status of the installation', async () => {
    const own = registry.tenant();
    await own.publish({ slug: 'mailer', name: 'Mail 100%', category: 'mail' });
    await own.publish({ slug: 'painter', name: 'Paints', description: 'mail_art', category: 'art' });
    const { id } = await own.install({ slug: 'runner' });
    await own.post(`/installations/${id}/activate`);

    expect(await slugs(own, '?search=MAIL')).toEqual(['painter', 'mailer']);
    expect(await slugs(own, '?search=0%25')).toEqual(['mailer']);
    expect(await slugs(own, '?search=%25')).toEqual(['mailer']);
    expect(await slugs(own, '?search=l_a')).toEqual(['painter']);
    expect(await slugs(own, '?search=%00')).toEqual([]);
    expect(await slugs(own, '?category=art')).toEqual(['painter']);
    expect(await slugs(own, '?category=%00')).toEqual([]);
    expect(await slugs(own, '?status=active')).toEqual(['runner']);
    expect(await slugs(own, '?status=inactive')).toEqual([]);
    const { body } = await own.get<PluginDetailDto>('/plugins/runner');
    expect(body.installation).toEqual({ id, status: 'active', version: '1.0.0' });
  });
});

describe('versions', () => {
  const publish = (slug: string, version: string, rest = {}) =>
    tenant.upload(packageOf({ slug, version, ...rest }));

  it('are listed newest first; the highest one names the plugin', async () => {
    const slug = 'aged';
    await publish(slug, '1.0.0', { name: 'Old' });
    await publish(slug, '2.0.0', { name: 'New' });
    await publish(slug, '1.0.1', { name: 'Patched' });
    const { body } = await tenant.get<Page<VersionDto>>(`/plugins/${slug}/versions?limit=2`);
    const rest = await tenant.get<Page<VersionDto>>(
      `/plugins/${slug}/versions?limit=2&cursor=${body.page.next}`,
    );
    const detail = await tenant.get<PluginDetailDto>(`/plugins/${slug}`);

    expect([...body.data, ...rest.body.data].map(({ version }) => version)).toEqual([
      '1.0.1',
      '2.0.0',
      '1.0.0',
    ]);
    expect(detail.body).toMatchObject({ latestVersion: '2.0.0', name: 'New' });
  });

  it('show their manifest and give the bytes that were uploaded', async () => {
    const bytes = packageOf({ slug: 'loaded', version: '1.2.3-rc.1+b' });
    await tenant.upload(bytes);
    const path = `/plugins/loaded/versions/${encodeURIComponent('1.2.3-rc.1+b')}`;
    const { body } = await tenant.get<VersionDetailDto>(path);
    const { url, headers } = tenant.raw();
    const download = await fetch(`${url.origin}/api/v1${path}/package`, { headers });

    expect(body).toMatchObject({
      version: '1.2.3-rc.1+b',
      manifest: { slug: 'loaded', main: 'main.js' },
      warnings: [],
    });
    expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true);
    expect(download.headers.get('content-length')).toBe(String(bytes.length));
    expect(download.headers.get('etag')).toBe(`"${createHash('sha256').update(bytes).digest('hex')}"`);
    expect(download.headers.get('content-disposition')).toMatch(/^attachment; filename="loaded-[\w.-]+"$/);
  });

  it('are not there under other names', async () => {
    await publish('single', '1.0.0');
    for (const version of ['1.0.1', 'latest', '%00', '1.0.0%2F'])
      expect(coded(await tenant.get(`/plugins/single/versions/${version}`))).toEqual([
        404,
        'VERSION_NOT_FOUND',
      ]);
    expect(coded(await tenant.post('/installations', { plugin: 'single', version: '9.9.9' }))).toEqual([
      404,
      'VERSION_NOT_FOUND',
    ]);
    expect(coded(await tenant.post('/installations', { plugin: 'single', version: '\0' }))).toEqual([
      404,
      'VERSION_NOT_FOUND',
    ]);
  });
});
