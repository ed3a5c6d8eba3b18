import { buildCase, classOf, packageCases } from '@mortise/bundle/corpus';
import { buildPackage } from '@mortise/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { hangUp } from './broken-upload.js';
import { archiveOf, fresh, newTenant, type Client } from './client.js';
import { unpackedEntries } from './million-entries.js';

// The reader's own suite holds every case, too; here they come in as strangers send them.
describe('hostile packages over HTTP', () => {
  let tenant: Client;
  beforeAll(async () => {
    tenant = await newTenant();
  });
  const published = async () => (await tenant.get('/plugins?limit=200')).body.data.length as number;

  it.each(
    packageCases.filter(({ expect: outcome }) => outcome !== 'accepted').map((one) => [one.id, one] as const),
  )('refuses %s and keeps nothing of it', async (_id, one) => {
    const answer = await tenant.upload(buildCase(one, fresh('c')));

    expect(answer.status, JSON.stringify(answer.body)).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(classOf({ code: answer.body.code, errors: answer.body.errors ?? [] })).toBe(one.expect);
  });

  it('kept nothing of all of them', async () => {
    expect(await published()).toBe(0);
  });

  it.each(
    packageCases.filter(({ expect: outcome }) => outcome === 'accepted').map((one) => [one.id, one] as const),
  )('accepts the harmless %s', async (_id, one) => {
    const answer = await tenant.upload(buildCase(one, fresh('c')));

    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  });
});

describe('packages that are large or break off', () => {
  let tenant: Client;
  beforeAll(async () => {
    tenant = await newTenant();
  });
  const published = async () => (await tenant.get('/plugins?limit=200')).body.data.length as number;

  it('is refused with 1,000,000 entries', async () => {
    const answer = await tenant.upload(await unpackedEntries(1_000_000), undefined, 'plugin.tar.gz');

    expect([answer.status, answer.body.code]).toEqual([413, 'PACKAGE_TOO_LARGE']);
    expect(classOf(answer.body)).toBe('COUNT');
    expect(await published()).toBe(0);
  });

  it.each([
    ['plugin.json', JSON.stringify],
    [
      'plugin.yaml',
      (manifest: object) =>
        Object.entries(manifest)
          .map(([key, value]) => `${key}: ${value}`)
          .join('\n'),
    ],
  ])('is refused with a %s of 5 MB', async (name, write) => {
    const manifest = { manifestVersion: 1, slug: fresh(), description: 'x'.repeat(5 * 1_048_576) };
    const answer = await tenant.upload(buildPackage({ files: { [name]: write(manifest), 'main.js': '' } }));

    expect([answer.status, answer.body.code]).toEqual([422, 'MANIFEST_INVALID']);
    expect(answer.body.errors).toMatchObject([
      { file: name, message: expect.stringContaining('262144 bytes') },
    ]);
    expect(await published()).toBe(0);
  });

  it('is refused when the form ends before the package does', async () => {
    const form = `--b\r\ncontent-disposition: form-data; name="file"; filename="p.zip"\r\n\r\nPK`;
    const answer = await tenant.post('/plugins/upload', form, {
      'content-type': 'multipart/form-data; boundary=b',
    });

    expect([answer.status, answer.body.code]).toEqual([422, 'PACKAGE_INVALID']);
    expect(await published()).toBe(0);
  });

  it('keeps nothing of a caller who hangs up in the middle, and serves the others', async () => {
    const whole = archiveOf({ main: 'export function a() {}' });
    await hangUp(tenant, whole);
    const other = await tenant.upload(archiveOf({ main: 'export function a() {}' }));

    expect(other.status).toBe(201);
    expect(await published()).toBe(1);
  });
});
