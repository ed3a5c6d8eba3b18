import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FieldError } from '@mortise/contracts';
import { memoryOf, webAssembly } from '@mortise/testing';
import wabt from 'wabt';
import { describe, expect, it } from 'vitest';
import { readPackage } from '../package.js';
import { writePackage } from '../write.js';
import { declareMaximum } from './declare-maximum.js';
import { knownImport } from './imports.js';

const manifest = {
  manifestVersion: 1,
  slug: 'counter',
  name: 'Counter',
  version: '1.0.0',
  runtime: 'wasm',
  main: 'main.wasm',
  functions: { count: {} },
  limits: { memoryMb: 8 },
};
const count = '(func (export "count") (result i32) (i32.const 0))';

async function wat(fields: string): Promise<Buffer> {
  const { parseWat } = await wabt();
  const module = parseWat('main.wat', `(module ${fields})`, {
    bulk_memory: true,
    reference_types: true,
    multi_value: true,
    threads: true,
    exceptions: true,
    simd: true,
  });
  return Buffer.from(module.toBinary({}).buffer);
}

async function published(main: Buffer, files: Record<string, Buffer> = {}, more: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'mortise-wasm-'));
  const path = join(folder, 'package.zip');
  const text = Buffer.from(JSON.stringify({ ...manifest, ...more }));
  const all = { 'plugin.json': text, 'main.wasm': main, ...files };
  await writeFile(path, writePackage({ files: new Map(Object.entries(all)), format: 'zip' }));
  return readPackage(path).finally(() => rm(folder, { recursive: true }));
}

async function refusal(main: Buffer): Promise<FieldError> {
  const read = await published(main);
  if (read.ok) throw new Error('the package was taken');
  expect(read.code).toBe('MAIN_INVALID');
  return read.errors[0] as FieldError;
}

describe('a package of WebAssembly', () => {
  it('is taken when the module keeps to the manifest', async () => {
    const main = await wat(
      `(import "extism:host/env" "alloc" (func (param i64) (result i64)))
       (import "env" "extism_log_info" (func (param i64)))
       (import "extism:host/user" "mortise_call" (func (param i64 i64) (result i64)))
       (memory (export "memory") 1 64) ${count}`,
    );

    expect(await published(main)).toMatchObject({ ok: true, package: { main: '', warnings: [] } });
  });

  it('takes the build of an Extism PDK once it declares a maximum', async () => {
    const built = await readFile(
      new URL('../../../sandbox/test/fixtures/count_vowels.wasm', import.meta.url),
    );
    const functions = { functions: { vowels: { handler: 'count_vowels' } } };

    const before = await published(built, {}, functions);
    const after = await published(Buffer.from(declareMaximum(built, 64)), {}, functions);

    expect(before).toMatchObject({
      ok: false,
      code: 'MAIN_INVALID',
      errors: [
        {
          rule: 'wasm-memory',
          file: 'main.wasm',
          message: expect.stringContaining(
            'mortise build writes one, or link with --max-memory=8388608',
          ) as string,
        },
      ],
    });
    expect(after).toMatchObject({ ok: true });
  });

  it.each([
    [
      'wasi',
      '(import "wasi_snapshot_preview1" "fd_write" (func))',
      'wasi_snapshot_preview1 fd_write, which does not exist here: build without WASI',
    ],
    [
      'a name of Object.prototype',
      '(import "extism:host/env" "constructor" (func))',
      'extism:host/env constructor',
    ],
    ['another namespace', '(import "mortise" "alloc" (func))', 'mortise alloc'],
    [
      'a wrong type',
      '(import "extism:host/env" "alloc" (func (param i32)))',
      'as (i32) -> (), and it is (i64) -> i64',
    ],
    ['a memory', '(import "env" "memory" (memory 1 1))', 'env memory, and may import functions only'],
    ['a global', '(import "env" "g" (global i32))', 'may import functions only'],
    ['a table', '(import "env" "t" (table 1 funcref))', 'may import functions only'],
  ])('is refused for the import of %s', async (_what, fields, message) => {
    const error = await refusal(await wat(`${fields} ${count}`));

    expect(error).toMatchObject({ rule: 'wasm-import', message: expect.stringContaining(message) as string });
  });

  it.each([
    ['no maximum', '(memory 1)', 'wasm-memory', 'its memory has no maximum'],
    ['more than the plan', '(memory 1 129)', 'wasm-memory', 'may grow to 9 MB, and limits.memoryMb is 8'],
    ['shared memory', '(memory 1 2 shared)', 'wasm-memory', 'shared and 64-bit'],
    ['a large table', '(table 100001 funcref)', 'wasm-table', 'more than 100000 entries'],
    ['many tables', '(table 1 funcref)'.repeat(17), 'wasm-size', '17 tables'],
    ['an exception tag', '(tag (param i32))', 'wasm-feature', 'sections of kind 13'],
    [
      'a start that is an import',
      '(import "extism:host/env" "free" (func $f (param i64))) (start $f)',
      'wasm-start',
      'starts with an import',
    ],
    ['many locals', `(func ${'(local i32)'.repeat(10_001)})`, 'wasm-size', '10000 locals'],
    [
      'a function that is huge',
      `(func ${'(drop (i64.const 9000000000000000000))'.repeat(50_000)})`,
      'wasm-size',
      'a function is',
    ],
    ['many globals', '(global i32 (i32.const 0))'.repeat(10_001), 'wasm-size', '10001 globals'],
  ])('is refused for %s', async (_what, fields, rule, message) => {
    const start = fields.includes('(import') ? fields : `${count} ${fields}`;

    expect(await refusal(await wat(`${start} ${fields.includes('(import') ? count : ''}`))).toMatchObject({
      rule,
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    ['missing', '', '"count" is not exported'],
    ['a memory', '(memory (export "count") 1 1)', '"count" is not exported'],
    [
      'one with parameters',
      '(func (export "count") (param i32))',
      '"count" is (i32) -> (), and must be () -> i32',
    ],
    ['one of another result', '(func (export "count") (result i64) (i64.const 0))', '"count" is () -> i64'],
    [
      'an import',
      '(import "extism:host/env" "http_status_code" (func $f (result i32))) (export "count" (func $f))',
      'an import handed on',
    ],
  ])('is refused when the function is %s', async (_what, fields, message) => {
    expect(await refusal(await wat(fields))).toMatchObject({
      rule: 'wasm-export',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    ['text', Buffer.from('export const count = 1'), 'wasm-header'],
    ['nothing', Buffer.alloc(0), 'wasm-header'],
    ['a component', Buffer.from('\0asm\x0d\0\x01\0', 'latin1'), 'wasm-header'],
    ['a cut section', Buffer.from('\0asm\x01\0\0\0\x01\x05\x01', 'latin1'), 'wasm-section'],
    ['sections out of order', Buffer.from('\0asm\x01\0\0\0\x03\x01\0\x01\x01\0', 'latin1'), 'wasm-section'],
    ['a section twice', Buffer.from('\0asm\x01\0\0\0\x01\x01\0\x01\x01\0', 'latin1'), 'wasm-section'],
    [
      'types of garbage collection',
      Buffer.from('\0asm\x01\0\0\0\x01\x03\x01\x5f\0', 'latin1'),
      'wasm-feature',
    ],
    [
      'a number without end',
      Buffer.from('\0asm\x01\0\0\0\x01\xff\xff\xff\xff\xff\x01', 'latin1'),
      'wasm-section',
    ],
    ['more than fits', Buffer.from('\0asm\x01\0\0\0\x03\x05\xff\xff\xff\xff\x0f', 'latin1'), 'wasm-size'],
  ])('is refused when main is %s', async (_what, main, rule) => {
    expect(await refusal(main)).toMatchObject({ rule, file: 'main.wasm' });
  });

  it('has no other module in it', async () => {
    const read = await published(await wat(count), { 'other.wasm': await wat('') });

    expect(read).toMatchObject({
      ok: false,
      code: 'PACKAGE_FORBIDDEN_FILE',
      errors: [{ file: 'other.wasm' }],
    });
  });

  it('holds a larger main than JavaScript may, up to a cap', async () => {
    const custom = async (mb: number) =>
      Buffer.concat([
        await wat(count),
        Buffer.from([0]),
        leb128(mb * 1_048_576 + 2),
        Buffer.from([1, 120]),
        Buffer.from(Array.from({ length: mb * 1_048_576 }, (_, at) => (at * 2_654_435_761) >>> 24)),
      ]);

    expect(await published(await custom(5))).toMatchObject({ ok: true });
    expect(await published(await custom(9))).toMatchObject({
      ok: false,
      code: 'MAIN_INVALID',
      errors: [{ rule: 'file-size' }],
    });
  });
});

describe('declaring how far memory may grow', () => {
  it('changes nothing else of a module', async () => {
    const module = await wat(`(memory (export "memory") 1) (data (i32.const 3) "kept") ${count}`);
    const memory = memoryOf(new webAssembly.Module(declareMaximum(module, 3)), 'memory');

    expect(Buffer.from(memory.buffer, 3, 4).toString()).toBe('kept');
    expect(memory.grow(2)).toBe(1);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  it('leaves a maximum as it is', async () => {
    const module = await wat('(memory 1 2)');

    expect(declareMaximum(module, 300)).toBe(module);
  });
});

it('knows each import that the sandbox offers, and no other', async () => {
  const shim = await readFile(new URL('../../../sandbox/src/child/prelude/wasm.js', import.meta.url), 'utf8');
  const listed = (name: string) =>
    [
      ...(new RegExp(`const ${name} = \\{(.*?)\\n  \\};`, 's').exec(shim)?.[1] ?? '').matchAll(
        /^ {4}(\w+):/gm,
      ),
    ]
      .map(([, key]) => String(key))
      .filter((key) => key !== '__proto__');

  expect(listed('env').length).toBe(26);
  for (const name of listed('env')) expect(knownImport('extism:host/env', name), name).toBeDefined();
  for (const name of listed('user')) expect(knownImport('extism:host/user', name), name).toBeDefined();
});

function leb128(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}
