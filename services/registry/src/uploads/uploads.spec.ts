import { createHash } from 'node:crypto';
import { utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { until } from '@mortise/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import { coded, packageOf, type TestTenant } from '../../test/test-tenant.js';

let registry: RegistryUnderTest;
let tenant: TestTenant;
beforeAll(async () => {
  registry = await RegistryUnderTest.start();
  tenant = registry.tenant();
});
afterEach(async () => {
  registry.inspection = () => ({ ok: true });
  // Whatever became of an upload: nothing of it stays where it was checked.
  await until(async () => (await registry.leftovers()).length === 0, 'spool and staging are empty');
});
afterAll(() => registry.close());

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
const versions = () =>
  registry.db.system(async (tx) => (await tx.query<unknown[]>('select from versions')).length);

describe('an upload', () => {
  it('is inspected by an executor, stored under its digest, and told', async () => {
    const bytes = packageOf({ functions: { greet: {}, later: { handler: 'greet' } } });
    const digest = digestOf(bytes).toString('hex');

    const { status, body } = await tenant.upload(bytes);

    expect(status).toBe(201);
    expect(body.version).toMatchObject({
      version: '1.0.0',
      digest,
      sizeBytes: bytes.length,
      status: 'validated',
    });
    expect(body.plugin.publisher).toBe(tenant.principal.tenantSlug);
    expect(registry.commands.at(-1)).toMatchObject({ digest, main: 'main.js', functions: ['greet'] });
    expect(await registry.stored('packages/')).toContain(`packages/${digest}`);
    await until(() => registry.typesOf(body.version.id).length === 2, 'both events were told');
    expect(registry.typesOf(body.version.id)).toEqual(['plugin.uploaded', 'plugin.validated']);
  });

  it('of the same bytes gives the version that is there, of other bytes is refused', async () => {
    const slug = 'twice';
    const first = await tenant.upload(packageOf({ slug }));
    const packages = await registry.stored('packages/');
    const same = await tenant.upload(packageOf({ slug }));
    const other = await tenant.upload(packageOf({ slug }, 'export const greet = () => 2;'));

    expect([first.status, same.status]).toEqual([201, 200]);
    expect(same.body).toEqual(first.body);
    expect(coded(other)).toEqual([409, 'VERSION_EXISTS']);
    expect(await registry.stored('packages/')).toEqual(packages);
  });

  it('is one version however often it comes at once, and one winner when the bytes differ', async () => {
    const same = await Promise.all([1, 2, 3, 4].map(() => tenant.upload(packageOf({ slug: 'rush' }))));
    const packages = (await registry.stored('packages/')).length;
    const differing = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        tenant.upload(packageOf({ slug: 'clash' }, `export const greet = () => ${n};`)),
      ),
    );

    expect(same.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    expect(new Set(same.map(({ body }) => body.version.id)).size).toBe(1);
    expect(differing.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    // The losers' bytes are in no version: the store must not hold them either.
    expect(await registry.stored('packages/')).toHaveLength(packages + 1);
  });

  it('names what the manifest declares and nothing runs yet', async () => {
    const { body } = await tenant.upload(packageOf({ lifecycle: { install: 'greet' } }));

    expect(body.warnings).toContain('lifecycle');
  });
});

describe('an upload is refused', () => {
  it('when it is not the package its checksum names', async () => {
    const bytes = packageOf();
    const [hex, base64] = [digestOf(bytes).toString('hex'), digestOf(bytes).toString('base64')];
    const wrong = digestOf(Buffer.from('x'));
    const of = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
      tenant.upload(bytes, { fields, headers });

    expect(coded(await of({ checksum: wrong.toString('hex') }))).toEqual([422, 'CHECKSUM_MISMATCH']);
    expect(coded(await of({}, { 'content-digest': `sha-256=:${wrong.toString('base64')}:` }))).toEqual([
      422,
      'CHECKSUM_MISMATCH',
    ]);
    expect(coded(await of({}, { 'content-digest': 'sha-256=broken' }))).toEqual([422, 'CHECKSUM_MISMATCH']);
    expect((await of({ checksum: `sha256:${hex}` })).status).toBe(201);
    expect(
      (await of({ checksum: hex.toUpperCase() }, { 'content-digest': `sha-256=:${base64}:` })).status,
    ).toBe(200);
  });

  it('when it is no form, or the form holds no package', async () => {
    const nothing = await tenant.form(new FormData());
    const misnamed = await tenant.upload(packageOf(), { name: 'package' });

    expect(coded(await tenant.post('/plugins/upload', { a: 1 }))).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    for (const answer of [nothing, misnamed]) {
      expect(coded(answer)).toEqual([400, 'INVALID_REQUEST']);
      expect(answer.body.errors).toMatchObject([{ pointer: '/file' }]);
    }
  });

  it('when it is larger than 50 MB', async () => {
    const large = Buffer.alloc(50 * 1_048_576 + 1);

    expect(coded(await tenant.upload(large))).toEqual([413, 'PACKAGE_TOO_LARGE']);
    expect(coded(await tenant.upload(large, { name: 'other' }))).toEqual([400, 'INVALID_REQUEST']);
  });

  it('when it is cut off: at the end of the request, and when the caller goes', async () => {
    const { url, headers } = tenant.raw();
    const part = '--b\r\ncontent-disposition: form-data; name="file"; filename="p.zip"\r\n\r\n';
    const body = Buffer.concat([Buffer.from(part), Buffer.alloc(200_000, 1)]);
    const answer = await fetch(`${url.origin}/api/v1/plugins/upload`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'multipart/form-data; boundary=b' },
      body,
    });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      422,
      'PACKAGE_INVALID',
    ]);

    const socket = connect(Number(url.port), url.hostname);
    const lines = Object.entries({
      ...headers,
      'content-type': 'multipart/form-data; boundary=b',
      host: url.host,
    });
    socket.write(
      `POST /api/v1/plugins/upload HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}content-length: 9000000\r\n\r\n`,
    );
    socket.write(body);
    await until(async () => (await registry.leftovers()).length > 0, 'it is being spooled');
    socket.destroy();
    // afterEach waits until nothing of it is left.
  });

  it('when its code does not load or lacks a function, as the executor says, and nothing is stored', async () => {
    const [packages, count] = [await registry.stored('packages/'), await versions()];
    registry.inspection = () => ({ ok: false, missing: ['greet'] });
    const missing = await tenant.upload(packageOf());
    registry.inspection = () => ({
      ok: false,
      error: {
        code: 'SyntaxError',
        message: 'Unexpected token',
        file: 'main.js',
        line: 3,
        column: 7,
        frame: '^',
      },
    });
    const broken = await tenant.upload(packageOf());

    expect(coded(missing)).toEqual([422, 'MAIN_INVALID']);
    expect(missing.body.errors?.[0]?.message).toContain('greet');
    expect(coded(broken)).toEqual([422, 'MAIN_INVALID']);
    expect(broken.body.errors).toMatchObject([{ file: 'main.js', line: 3, column: 7, frame: '^' }]);
    expect(await registry.stored('packages/')).toEqual(packages);
    expect(await versions()).toBe(count);
  });

  it('when no executor answers, and nothing is stored', { timeout: 20_000 }, async () => {
    const [packages, count] = [await registry.stored('packages/'), await versions()];
    registry.inspection = () => undefined;
    const answer = await tenant.upload(packageOf());

    expect(coded(answer)).toEqual([503, 'NO_EXECUTOR']);
    expect(answer.headers.get('retry-after')).toBeTruthy();
    expect(await registry.stored('packages/')).toEqual(packages);
    expect(await versions()).toBe(count);
  });
});

describe('publishers', () => {
  it('belong to the tenant that used them first', async () => {
    const publisher = 'shared-name';
    const other = registry.tenant();
    const first = await tenant.upload(packageOf({ publisher }));
    const again = await tenant.upload(packageOf({ publisher }));
    const stranger = await other.upload(packageOf({ publisher }));

    expect([first.status, again.status]).toEqual([201, 201]);
    expect(coded(stranger)).toEqual([403, 'PUBLISHER_NOT_OWNED']);
    expect(
      await registry.db.system((tx) => tx.query('select from plugins where tenant_id = $1', [other.id])),
    ).toEqual([]);
  });

  it("called like another tenant are that tenant's, also before it published anything", async () => {
    const [named, other] = [registry.tenant(), registry.tenant()];
    const publisher = named.principal.tenantSlug;
    registry.tenants.push({
      tenantId: named.id,
      slug: publisher,
      name: 'Named',
      suspended: false,
      revision: 1,
    });
    await registry.restart();

    expect(coded(await other.upload(packageOf({ publisher })))).toEqual([403, 'PUBLISHER_NOT_OWNED']);
    expect((await named.upload(packageOf({}))).status).toBe(201);
  });

  it('have one owner when two tenants use the name first at once', async () => {
    const publisher = 'raced';
    const answers = await Promise.all(
      [registry.tenant(), registry.tenant()].map((one) => one.upload(packageOf({ publisher }))),
    );

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403]);
  });
});

describe('at boot', () => {
  it('what uploads that died an hour ago left is removed, what is in use is not', async () => {
    const hourAgo = new Date(Date.now() - 3_700_000);
    const place = (kind: 'old' | 'young') => [
      registry.at('spool', `mortise-upload-${kind}`),
      registry.at('store', 'staging', `00000000-0000-7000-8000-00000000000${kind === 'old' ? 1 : 2}`),
    ];
    for (const path of [...place('old'), ...place('young')]) await writeFile(path, 'x');
    for (const path of place('old')) await utimes(path, hourAgo, hourAgo);
    await registry.restart();

    expect(await registry.leftovers()).toEqual([
      'mortise-upload-young',
      'staging/00000000-0000-7000-8000-000000000002',
    ]);
    for (const path of place('young')) await utimes(path, hourAgo, hourAgo);
    await registry.restart();
  });
});
