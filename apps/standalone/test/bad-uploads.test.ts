import { buildPackage } from '@mortise/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { archiveOf, fresh, newTenant, type Answer, type Client } from './client.js';

const good = 'export function a() {}';

describe('bad uploads', () => {
  let tenant: Client;
  beforeAll(async () => {
    tenant = await newTenant();
  });
  // Whatever was wrong: no version of it can be seen.
  afterEach(async () => {
    expect((await tenant.get('/plugins')).body.data).toEqual([]);
  });

  const coded = (answer: Answer) => [answer.status, answer.body.code];
  const refused = (manifest: Record<string, unknown>, main = good) =>
    tenant.upload(archiveOf({ main, manifest }));
  const yaml = (text: string) =>
    tenant.upload(buildPackage({ files: { 'plugin.yaml': text, 'main.js': good } }));
  const yamlOf = (more: string) =>
    yaml(`manifestVersion: 1\nslug: ${fresh()}\nname: Y\nversion: 1.0.0\nmain: main.js\n${more}`);

  it('are refused when they are no form, no archive, cut off or too large', async () => {
    const whole = archiveOf({ main: good });

    expect(coded(await tenant.post('/plugins/upload', { a: 1 }))).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    expect(coded(await tenant.upload(Buffer.from('not an archive at all')))).toEqual([
      422,
      'PACKAGE_INVALID',
    ]);
    expect(coded(await tenant.upload(whole.subarray(0, -30)))).toEqual([422, 'PACKAGE_INVALID']);
    expect(coded(await tenant.upload(Buffer.alloc(51 * 1_048_576)))).toEqual([413, 'PACKAGE_TOO_LARGE']);
  });

  it.each([
    ['an unknown field', { color: 'red' }, '/color', 'unknown property'],
    [
      'a cron expression that names no minute',
      { jobs: [{ name: 'j', schedule: '99 * * * *', function: 'a' }] },
      '/jobs/0/schedule',
      'Invalid value for minute: 99',
    ],
    [
      'a permission that there is not',
      { permissions: [{ resource: 'moon', actions: ['walk'] }] },
      '/permissions/0/actions/0',
      'unknown permission "moon:walk"',
    ],
  ])('point to %s in the manifest', async (_what, manifest, pointer, message) => {
    const answer = await refused(manifest);

    expect(coded(answer)).toEqual([422, 'MANIFEST_INVALID']);
    expect(answer.body.errors).toMatchObject([
      { file: 'plugin.json', pointer, message: expect.stringContaining(message), line: expect.any(Number) },
    ]);
  });

  it('point into the main file: what is not exported, broken syntax, imports', async () => {
    const missing = await refused({ functions: { a: {}, ghost: {} } });
    const syntax = await refused({}, 'export function a() {\n  return {;\n}');
    const imports = await refused({}, 'import fs from "node:fs";\nexport function a() { return fs }');

    for (const answer of [missing, syntax, imports]) expect(coded(answer)).toEqual([422, 'MAIN_INVALID']);
    expect(missing.body.errors).toMatchObject([
      { file: 'main.js', message: 'it does not export ghost, which the manifest declares as a function' },
    ]);
    expect(syntax.body.errors).toMatchObject([
      { file: 'main.js', line: 2, column: 11, frame: expect.stringContaining('> 2 |   return {;') },
    ]);
    expect(imports.body.errors).toMatchObject([{ file: 'main.js', line: 1 }]);
  });

  it('point to line and column of a YAML manifest', async () => {
    const answer = await yamlOf('functions:\n  a: 5\n');

    expect(coded(answer)).toEqual([422, 'MANIFEST_INVALID']);
    expect(answer.body.errors).toMatchObject([
      {
        file: 'plugin.yaml',
        pointer: '/functions/a',
        line: 7,
        column: 6,
        message: 'expected an object, found 5',
      },
    ]);
  });

  it('are refused for aliases of aliases in YAML, at once', async () => {
    const levels = ['b', 'c', 'd', 'e', 'f', 'g'].map(
      (name, above) => `  ${name}: &${name} [${Array(9).fill(`*${'abcdef'[above]}`).join()}]\n`,
    );
    const started = performance.now();
    const answer = await yamlOf(
      `functions:\n  a: {}\nconfig:\n  a: &a [x,x,x,x,x,x,x,x,x]\n${levels.join('')}`,
    );

    expect(coded(answer)).toEqual([422, 'MANIFEST_INVALID']);
    expect(answer.body.errors[0].message).toContain('alias');
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('name both manifests when there are two, and where the manifest is when it is too deep', async () => {
    const two = await tenant.upload(
      archiveOf({ main: good, files: { 'plugin.yaml': 'manifestVersion: 1' } }),
    );
    const deep = await tenant.upload(
      buildPackage({ files: { 'hello/plugin.json': '{}', 'hello/main.js': good } }),
    );

    expect(coded(two)).toEqual([422, 'MANIFEST_INVALID']);
    expect(two.body.errors[0].message).toContain('plugin.json and plugin.yaml');
    expect(coded(deep)).toEqual([422, 'MANIFEST_MISSING']);
    expect(deep.body.errors[0].message).toContain('there is one at hello/plugin.json');
  });

  it.each([
    { events: [{ on: 'order.created', function: 'a', mode: 'before' }] },
    { events: [{ on: 'order.created', function: 'a', filter: { x: 1 } }] },
  ])('are refused for what is not supported yet: %j', async (manifest) => {
    expect(coded(await refused(manifest))).toEqual([422, 'NOT_SUPPORTED_YET']);
  });
});
