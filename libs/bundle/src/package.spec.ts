import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from './digest.js';
import { notRunYet } from './not-run-yet.js';
import { readEntry, readPackage } from './package.js';
import { writePackage } from './write.js';

const manifest = {
  manifestVersion: 1,
  slug: 'weather',
  name: 'Weather',
  version: '1.0.0',
  functions: { forecast: {} },
};
const code = 'export const forecast = (input, ctx) => ({ sunny: true });\n';

describe('a package', () => {
  let dir = '';
  let count = 0;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mortise-package-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  async function stored(files: Record<string, string | Buffer>, format: 'zip' | 'tar.gz' = 'zip') {
    const path = join(dir, `package-${count++}`);
    await writeFile(path, writePackage({ files: new Map(Object.entries(files)), format }));
    return path;
  }
  const withMain = (main: string) =>
    stored({ 'plugin.json': JSON.stringify(manifest), 'dist/main.js': main });
  async function refusalOf(path: string) {
    const read = await readPackage(path);
    if (read.ok) throw new Error('accepted');
    return read;
  }

  it.each(['zip', 'tar.gz'] as const)('is read from a %s with its defaults applied', async (format) => {
    const path = await stored({ 'plugin.json': JSON.stringify(manifest), 'dist/main.js': code }, format);

    const read = await readPackage(path);

    expect(read).toMatchObject({
      ok: true,
      package: {
        manifest: { ...manifest, runtime: 'js', main: 'dist/main.js', isolation: 'isolate' },
        manifestFile: 'plugin.json',
        main: code,
        digest: await digestOf(path),
        warnings: [],
      },
    });
    expect((await readEntry(path, 'dist/main.js'))?.toString()).toBe(code);
    expect(await readEntry(path, 'nope.js')).toBeUndefined();
  });

  it('names file, pointer, line and column of what is wrong in a YAML manifest, and what was expected', async () => {
    const yaml =
      'manifestVersion: 1\nslug: weather\nname: Weather\nversion: 1.0.0\nfunctions:\n  forecast: {}\nevents:\n  - onn: order.created\n    function: forecast\n';
    const { code: problem, errors } = await refusalOf(
      await stored({ 'plugin.yaml': yaml, 'dist/main.js': code }),
    );

    expect(problem).toBe('MANIFEST_INVALID');
    expect(errors).toContainEqual(
      expect.objectContaining({
        file: 'plugin.yaml',
        pointer: '/events/0/onn',
        message: 'unknown property "onn": did you mean "on"?',
        rule: 'additionalProperties',
        line: 8,
        column: 10,
      }),
    );
    expect(errors[0]?.frame).toContain('>  8 |   - onn: order.created');
  });

  it('says where a JSON manifest breaks off', async () => {
    const { errors } = await refusalOf(
      await stored({ 'plugin.json': '{\n  "slug": "weather",\n  "name" "Weather"\n}' }),
    );

    expect(errors).toMatchObject([
      { file: 'plugin.json', line: 3, column: 10, message: 'not valid JSON: expected ":"' },
    ]);
  });

  it('joins the branches of an alternative into one error', async () => {
    const text = JSON.stringify({ ...manifest, events: [{ on: 5, function: 'forecast' }], author: 7 });
    const { errors } = await refusalOf(await stored({ 'plugin.json': text, 'dist/main.js': code }));

    expect(errors.map(({ pointer, message }) => [pointer, message])).toEqual([
      ['/author', 'expected a string or an object, found 7'],
      ['/events/0/on', 'expected text or an array, found 5'],
    ]);
  });

  it('names both of two manifests', async () => {
    const { errors } = await refusalOf(await stored({ 'plugin.json': '{}', 'plugin.yml': 'a: 1' }));

    expect(errors.map(({ file, message }) => [file, message])).toEqual([
      ['plugin.json', 'the package has two manifests, plugin.json and plugin.yml: keep one'],
      ['plugin.yml', 'the package has two manifests, plugin.json and plugin.yml: keep one'],
    ]);
  });

  it('answers NOT_SUPPORTED_YET with a pointer to each thing that will come later', async () => {
    const text = JSON.stringify({
      ...manifest,
      events: [{ on: 'a.b', mode: 'before', filter: { data: {} }, function: 'forecast' }],
    });
    const refusal = await refusalOf(await stored({ 'plugin.json': text, 'dist/main.js': code }));

    expect(refusal.code).toBe('NOT_SUPPORTED_YET');
    expect(refusal.details).toEqual({ what: 'event mode before, event filter' });
    expect(refusal.errors.map(({ pointer }) => pointer)).toEqual(['/events/0/mode', '/events/0/filter']);
  });

  it('shows a syntax error of main with line, column and frame', async () => {
    const { code: problem, errors } = await refusalOf(
      await withMain('export const forecast = () => {\n  return 1 +;\n};\n'),
    );

    expect(problem).toBe('MAIN_INVALID');
    expect(errors).toMatchObject([{ file: 'dist/main.js', line: 2, column: 13, rule: 'main-syntax' }]);
    expect(errors[0]?.frame).toBe(
      '  1 | export const forecast = () => {\n> 2 |   return 1 +;\n    |             ^\n  3 | };\n  4 | ',
    );
  });

  it.each([
    ["import fs from 'node:fs';", 'main-import', '"node:fs" is imported here'],
    ["import 'side-effect';", 'main-import', '"side-effect" is imported here'],
    ["export * from './other.js';", 'main-export-from', '"./other.js" is re-exported here'],
    ["export { a } from './other.js';", 'main-export-from', '"./other.js" is re-exported here'],
    ["const load = () => import('x');", 'main-dynamic-import', '"x" is imported at run time here'],
    ["const http = require('http');", 'main-require', '"http" is required here'],
    ['const r = require; r("http");', 'main-require', 'a module is required here'],
    ['module.exports = require.resolve("x");', 'main-require', 'a module is required here'],
  ])('refuses %s in main', async (line, rule, message) => {
    const { errors } = await refusalOf(await withMain(`// first line\n${line}\n`));

    expect(errors[0]).toMatchObject({ rule, line: 2, file: 'dist/main.js' });
    expect(errors[0]?.message).toContain(message);
  });

  it.each([
    'module.exports.forecast = function () { return 1; };',
    'exports.forecast = () => ({ require: 1, x: { require() {} }.require });',
    'const pack = (function (require, module) { return require("./inner"); })((name) => name);\nexports.forecast = () => pack;',
    'function require(name) { return name; }\nexports.forecast = () => require("a");',
    'exports.forecast = () => typeof require;',
    '#!/usr/bin/env node\nexport const forecast = async () => 1;',
    'export default { functions: { forecast: () => import.meta.url } };',
  ])('takes a main that stays by itself: %s', async (main) => {
    expect(await readPackage(await withMain(main))).toMatchObject({ ok: true });
  });

  it('survives code that nests without end', async () => {
    const { errors } = await refusalOf(await withMain(`export const forecast = ${'['.repeat(200_000)}`));

    expect(errors[0]?.rule).toMatch(/^main-/);
  });

  it('advises against a large main and refuses one above the cap', async () => {
    const filler = (bytes: number) => `${code}// ${'x'.repeat(bytes)}\n`;

    const large = await readPackage(await withMain(filler(300 * 1_024)));
    const tooLarge = await refusalOf(
      await stored({
        'plugin.json': JSON.stringify(manifest),
        'dist/main.js': filler(5 << 20),
        'noise.txt': noise(1 << 20),
      }),
    );

    expect(large).toMatchObject({
      ok: true,
      package: { warnings: [expect.stringContaining('cold starts get slow')] },
    });
    expect(tooLarge).toMatchObject({
      code: 'MAIN_INVALID',
      errors: [{ rule: 'file-size', file: 'dist/main.js' }],
    });
  });

  it('checks webhook files against their schema and their secrets', async () => {
    const text = JSON.stringify({
      ...manifest,
      webhooks: ['webhooks/a.yaml', 'webhooks/b.yaml'],
      secrets: [{ key: 'URL' }],
    });
    const good = 'api_version: v1\non: order.created\ndelivery:\n  url: ${SECRET:URL}\n';
    const files = { 'plugin.json': text, 'dist/main.js': code, 'webhooks/a.yaml': good };

    const read = await readPackage(await stored({ ...files, 'webhooks/b.yaml': good }));
    const { errors } = await refusalOf(
      await stored({ ...files, 'webhooks/b.yaml': good.replace('SECRET:URL', 'SECRET:KEY') }),
    );
    const { errors: shapes } = await refusalOf(
      await stored({
        ...files,
        'webhooks/b.yaml': 'api_version: v1\non: order.created\ndelivery:\n  uri: x\n',
      }),
    );

    expect(read.ok && notRunYet(read.package.manifest)).toEqual(['webhooks']);
    expect(errors).toMatchObject([
      { file: 'webhooks/b.yaml', pointer: '/delivery/url', rule: 'secret-declared', line: 4 },
    ]);
    expect(shapes.map(({ pointer }) => pointer)).toEqual(['/delivery', '/delivery/uri']);
  });

  it('refuses WebAssembly that the manifest does not declare', async () => {
    const refusal = await refusalOf(
      await stored({ 'plugin.json': JSON.stringify(manifest), 'dist/main.js': code, 'a.wasm': '\0asm' }),
    );

    expect(refusal).toMatchObject({ code: 'PACKAGE_FORBIDDEN_FILE', errors: [{ file: 'a.wasm' }] });
  });

  it.each([
    ['events that all miss their form', { events: Array.from({ length: 9_000 }, () => ({ on: 1, fun: 2 })) }],
    [
      'patterns without end',
      {
        config: {
          patternProperties: Object.fromEntries(
            Array.from({ length: 9_000 }, (_, at) => [`^p${at}[a-z]+$`, {}]),
          ),
        },
      },
    ],
    [
      'one long choice',
      {
        config: {
          properties: {
            a: {
              pattern: `(${Array.from({ length: 60_000 }, (_, at) => at)
                .join('|')
                .slice(0, 200_000)})*`,
            },
          },
        },
      },
    ],
  ])('is refused soon for %s', async (_, sections) => {
    const path = await stored({
      'plugin.json': JSON.stringify({ ...manifest, ...sections }),
      'dist/main.js': code,
    });

    const started = performance.now();
    const { code: problem } = await refusalOf(path);

    expect(problem).toBe('MANIFEST_INVALID');
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it('throws nothing for a file of noise', async () => {
    const path = join(dir, 'noise');
    for (const head of ['PK\x03\x04', 'PK\x05\x06', '\x1f\x8b\x08\x00', '']) {
      await writeFile(path, Buffer.concat([Buffer.from(head, 'latin1'), noise(4_096)]));
      expect(await readPackage(path)).toMatchObject({ ok: false, code: 'PACKAGE_INVALID' });
    }
  });
});

/** Bytes that do not compress, the same at each run. */
function noise(bytes: number): Buffer {
  const found = Buffer.alloc(bytes);
  for (let at = 0, state = 1; at < bytes; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    found[at] = state >>> 16;
  }
  return found;
}
