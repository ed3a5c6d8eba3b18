import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WasmGround } from '../test/wasm-ground.js';
import { answering, done, go, toHost, wat } from '../test/wat.js';
import type { LogEntry } from './types.js';

const ground = new WasmGround();
beforeAll(() => ground.sandbox.start());
afterAll(() => ground.sandbox.close());

describe('running WebAssembly', () => {
  it('runs what the Rust PDK of Extism built elsewhere', async () => {
    const built = await readFile(new URL('../test/fixtures/count_vowels.wasm', import.meta.url));

    const { status, result, usage } = await ground.run(built, { handler: 'count_vowels', input: 'an apple' });

    expect({ status, result }).toEqual({ status: 'succeeded', result: '{"count":3}' });
    expect(usage.peakHeapMb).toBeGreaterThan(1);
  });

  it('gives the input as its JSON text and takes the output as JSON', async () => {
    const echo = await answering('(call $input_offset)', ['input_offset']);

    expect(await ground.run(echo, { input: { name: 'Zoë 🎉' } })).toMatchObject({
      status: 'succeeded',
      result: '{"name":"Zoë 🎉"}',
    });
  });

  it('answers null for a module that sets no output', async () => {
    expect(await ground.run(await wat(go(done)))).toMatchObject({ status: 'succeeded', result: 'null' });
  });

  it('knows the imports of older PDKs', async () => {
    const module = await wat(
      `(import "env" "extism_input_length" (func $length (result i64)))
       (import "env" "output_set" (func $output (param i64 i64)))
       ${go('(call $output (i64.const 8) (call $length)) (i32.const 0)')}`,
    );

    expect(await ground.run(module, { input: 12_345 })).toMatchObject({ result: '12345' });
  });

  it('reads config as the PDKs do: strings as they are, the rest as JSON', async () => {
    const module = await answering('(call $config_get (call $to_host (i32.const 0) (i32.const 3)))', [
      'config_get',
    ]);

    expect(await ground.run(module, { config: { top: 7 } })).toMatchObject({ result: '7' });
    expect(await ground.run(module, { config: { top: '[8]' } })).toMatchObject({ result: '[8]' });
    expect(await ground.run(module, { config: {} })).toMatchObject({ result: 'null' });
  });

  it('writes what it logs', async () => {
    const logs: LogEntry[] = [];
    const module = await answering(
      '(call $input_offset) (call $log_info (call $to_host (i32.const 0) (i32.const 3)))',
      ['input_offset', 'log_info'],
    );

    await ground.run(module, { logs });

    expect(logs).toEqual([{ level: 'info', message: 'top' }]);
  });

  it('keeps variables for one execution', async () => {
    const key = '(call $to_host (i32.const 0) (i32.const 3))';
    const module = await answering(
      `(call $var_set ${key} (call $var_get ${key})) (call $var_get ${key})
       (call $var_set ${key} (call $input_offset)) (drop) (call $var_get ${key})`,
      ['input_offset', 'var_get', 'var_set'],
    );

    expect(await ground.run(module, { input: 1 })).toMatchObject({ result: '1' });
    expect(await ground.run(module, { input: 2 })).toMatchObject({ result: '2' });
  });

  it('keeps its memory from run to run, unless each execution is to start afresh', async () => {
    const counter = await wat(
      `(global $n (mut i32) (i32.const 0))
       ${go('(global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)')}`,
    );
    const messages = [];
    for (const isolation of ['isolate', 'isolate', 'execution', 'execution'] as const) {
      messages.push((await ground.run(counter, { isolation })).error?.message);
    }

    expect(messages.map((message) => message?.at(-1))).toEqual(['1', '2', '1', '1']);
  });

  it('runs constructors before the first function', async () => {
    const module = await wat(
      `(global $n (mut i32) (i32.const 0)) (func (export "_initialize") (global.set $n (i32.const 9)))
       ${go('(global.get $n)')}`,
    );

    expect((await ground.run(module)).error?.message).toBe('The function returned 9');
  });
});

describe('failures of a module', () => {
  it('reports what it sets as its error', async () => {
    const module = await wat(
      `(memory 1 1) (data (i32.const 0) "no such record") ${toHost}
       ${go('(call $error_set (call $to_host (i32.const 0) (i32.const 14))) (i32.const -1)')}`,
      ['alloc', 'store_u8', 'error_set'],
    );

    expect(await ground.run(module)).toMatchObject({
      status: 'failed',
      error: { code: 'EXECUTION_FAILED', message: 'no such record' },
    });
  });

  it.each([
    ['unreachable', '(unreachable)'],
    ['memory access out of bounds', '(drop (i32.load (i32.const -1)))'],
    ['divide by zero', '(drop (i32.div_u (i32.const 1) (i32.const 0)))'],
    ['divide result unrepresentable', '(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))'],
    ['float unrepresentable in integer range', '(drop (i32.trunc_f32_s (f32.const nan)))'],
    ['table index is out of bounds', '(call_indirect (i32.const 5))'],
    ['null function or function signature mismatch', '(call_indirect (i32.const 0))'],
    ['stack overflow', '(drop (call $go))'],
  ])('names the trap: %s', async (trap, body) => {
    const module = await wat(
      `(memory 1 1) (table 2 2 funcref) (func $go (export "go") (result i32) ${body} ${done})`,
    );

    const result = await ground.run(module);

    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'WASM_TRAP', message: `The module trapped: ${trap}`, details: { trap } },
    });
    expect(result.error?.stack).toContain('wasm');
    expect(result.error?.stack).not.toContain('mortise:');
  });

  it('starts afresh after a trap', async () => {
    const module = await wat(
      `(memory 1 1) ${go(
        '(if (i32.load (i32.const 0)) (then (unreachable))) (i32.store (i32.const 0) (i32.const 1)) (i32.const 0)',
      )}`,
    );

    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await ground.run(module)).status);

    expect(statuses).toEqual(['succeeded', 'failed', 'succeeded']);
  });

  it('refuses an output that is not JSON in UTF-8', async () => {
    const notJson = await answering('(call $to_host (i32.const 0) (i32.const 3))');
    const notText = await answering('(call $to_host (i32.const 3) (i32.const 2))');

    for (const module of [notJson, notText]) {
      expect(await ground.run(module)).toMatchObject({ status: 'failed', error: { code: 'RESULT_INVALID' } });
    }
  });

  it('refuses an output above the limit before it is read', async () => {
    const module = await answering('(call $alloc (i64.const 5000))');

    expect(await ground.run(module, { limits: { outputBytes: 4_000 } })).toMatchObject({
      status: 'failed',
      error: { code: 'LIMIT_EXCEEDED', details: { limit: 'outputBytes', value: 4_000, used: 5_000 } },
    });
  });
});

describe('looking at a module before it is published', () => {
  it('lists what can be called', async () => {
    const module = await wat(
      `(memory (export "memory") 1 1) (func (export "one")) (func (export "two") (result i32) ${done})
       (func (export "odd") (param i32))`,
    );

    expect(await ground.inspect(module, 'one', 'odd', 'memory')).toEqual({
      ok: false,
      exports: ['one', 'two'],
      missing: ['odd', 'memory'],
    });
  });

  it.each([
    [
      'a broken file',
      Buffer.from('\0asm\x01\0\0\0\x01\x7f', 'latin1'),
      'MAIN_INVALID',
      'a section ends after',
    ],
    ['code that is not valid', undefined, 'MAIN_INVALID', 'no signature at index 0'],
  ])('says why it cannot load %s', async (_what, bytes, code, message) => {
    const module = bytes ?? Buffer.concat([await wat(''), Buffer.from([3, 2, 1, 0])]);

    const { error } = await ground.inspect(module);

    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
  });

  it.each([
    [
      '(import "wasi_snapshot_preview1" "fd_write" (func))',
      'IMPORT_REFUSED',
      'wasi_snapshot_preview1 fd_write',
    ],
    ['(import "extism:host/env" "toString" (func))', 'IMPORT_REFUSED', 'extism:host/env toString'],
    ['(import "env" "memory" (memory 1))', 'IMPORT_REFUSED', 'env memory'],
    [
      '(func $s (unreachable)) (start $s)',
      'WASM_TRAP',
      'Instantiating the module failed: The module trapped',
    ],
    ['(memory 3000)', 'MAIN_INVALID', 'its memory begins with 188 MB, and may have 128 MB'],
  ])('refuses %s', async (fields, code, message) => {
    const { error } = await ground.inspect(await wat(fields));

    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
  });
});
