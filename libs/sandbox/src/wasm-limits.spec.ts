import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WasmGround } from '../test/wasm-ground.js';
import { done, go, toHost, wat } from '../test/wat.js';

const ground = new WasmGround();
beforeAll(() => ground.sandbox.start());
afterAll(() => ground.sandbox.close());
const neighbour = () => ground.run(neighbours, { timeoutMs: 1_000 });
let neighbours: Buffer;
beforeEach(async () => {
  neighbours = await wat(`(global i64 (i64.const ${Math.trunc(performance.now())})) ${go(done)}`);
});

/** The bytes of a number in LEB128. */
function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}
/** A module whose only function has this body, its locals included. */
function moduleOf(body: Buffer): Buffer {
  const section = (id: number, content: number[]) => [id, ...leb128(content.length), ...content];
  const code = [1, ...leb128(body.length)];
  return Buffer.concat([
    Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    Buffer.from([...section(1, [1, 0x60, 0, 1, 0x7f]), ...section(3, [1, 0])]),
    Buffer.from([...section(7, [1, 2, 0x67, 0x6f, 0, 0]), 10, ...leb128(code.length + body.length), ...code]),
    body,
  ]);
}

describe('time', () => {
  it.each([
    ['an endless loop', '(loop (br 0))'],
    [
      'a loop that fills memory',
      '(loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 60000000)) (br 0))',
    ],
    [
      'a loop that copies memory',
      '(loop (memory.copy (i32.const 0) (i32.const 9) (i32.const 60000000)) (br 0))',
    ],
    ['a loop of calls to the host', '(loop (drop (call $alloc (i64.const 0))) (br 0))'],
    ['a loop that asks for memory', '(loop (drop (memory.grow (i32.const 1))) (br 0))'],
    ['calls without end', '(loop (call $deep (i32.const 500)) (br 0))'],
  ])('ends %s within a quarter of a second of its deadline', async (_what, body) => {
    const module = await wat(
      `(memory 960 1000) (func $deep (param i32)
         (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
       ${go(`${body} ${done}`)}`,
      ['alloc'],
    );

    const started = performance.now();
    const result = await ground.run(module, { timeoutMs: 500, memoryMb: 128 });

    expect(result).toMatchObject({ status: 'timed_out', error: { code: 'EXECUTION_TIMED_OUT' } });
    expect(performance.now() - started).toBeLessThan(500 + 250 + 150);
    expect(await neighbour()).toMatchObject({ status: 'succeeded' });
  });

  it('counts a loop in the start section as the time of the run', async () => {
    const module = await wat(`(func $s (loop (br 0))) (start $s) ${go(done)}`);

    expect(await ground.run(module, { timeoutMs: 400 })).toMatchObject({ status: 'timed_out' });
    expect(await ground.inspect(module)).toMatchObject({ ok: false, error: { code: 'EXECUTION_TIMED_OUT' } });
  });
});

describe('code that is hard to compile', () => {
  const repeated = (unit: number[], bytes: number) =>
    Buffer.alloc(Math.floor(bytes / unit.length) * unit.length, Buffer.from(unit));
  const largest = 500_000;
  const again = [0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0x3f, 0x47, 0x0d, 0, 0x0b, 0x20, 0, 0x0b];

  it.each([
    [
      'the largest function',
      Buffer.concat([
        Buffer.from([1, 2, 0x7f, 0x03, 0x40]),
        repeated([0x20, 0, 0x20, 1, 0x6c, 0x20, 1, 0x73, 0x21, 1], largest),
        Buffer.from(again),
      ]),
    ],
    [
      'loops in loops',
      Buffer.concat([
        Buffer.from([1, 1, 0x7f]),
        repeated([0x03, 0x40], largest / 2),
        Buffer.from(again.slice(0, 12)),
        Buffer.alloc(largest / 4, 0x0b),
        Buffer.from([0x20, 0, 0x0b]),
      ]),
    ],
    [
      'the most locals',
      Buffer.concat([
        Buffer.from([1, ...leb128(9_999), 0x7f, 0x03, 0x40]),
        repeated([0x20, ...leb128(9_000), 0x21, ...leb128(8_000)], largest),
        Buffer.from(again),
      ]),
    ],
    [
      'tables of branches',
      Buffer.concat([
        Buffer.from([1, 1, 0x7f, 0x03, 0x40]),
        repeated([0x02, 0x40, 0x20, 0, 0x0e, ...leb128(120), ...Array<number>(121).fill(0), 0x0b], largest),
        Buffer.from(again),
      ]),
    ],
  ])('%s is done or stopped in time', async (_what, body) => {
    const module = moduleOf(body);

    const started = performance.now();
    const result = await ground.run(module, { timeoutMs: 2_000 });

    expect(['succeeded', 'failed', 'timed_out', 'out_of_memory']).toContain(result.status);
    expect(performance.now() - started).toBeLessThan(2_000 + 250 + 150);
    expect(await neighbour()).toMatchObject({ status: 'succeeded' });
  });
});

describe('memory', () => {
  const grow = (pages: number) => `(memory.grow (i32.const ${pages}))`;

  it('is refused to a module beyond its own maximum, and beyond that of its plugin', async () => {
    const own = await wat(`(memory 1 10) ${go(`(drop ${grow(10)}) (memory.size)`)}`);
    const plugins = await wat(`(memory 1 30000) ${go(`(drop ${grow(1_023)}) ${grow(1)}`)}`);

    expect((await ground.run(own)).error?.message).toBe('The function returned 1');
    expect((await ground.run(plugins, { memoryMb: 64 })).error?.message).toBe('The function returned -1');
  });

  it('is in the record of the run', async () => {
    const module = await wat(`(memory (export "memory") 1 500) ${go(`(drop ${grow(400)}) ${done}`)}`);

    const { usage } = await ground.run(module);

    expect(usage.peakHeapMb).toBeGreaterThan(25);
    expect(usage.peakHeapMb).toBeLessThan(30);
  });

  it('that is all taken when the module traps is why it ended', async () => {
    const module = await wat(
      `(memory (export "memory") 1 1024) ${go(`(loop (br_if 0 (i32.ne ${grow(16)} (i32.const -1)))) (unreachable)`)}`,
    );

    expect(await ground.run(module)).toMatchObject({
      status: 'out_of_memory',
      error: { code: 'OUT_OF_MEMORY', details: { limit: 'memoryMb', value: 64 } },
    });
    expect(await neighbour()).toMatchObject({ status: 'succeeded' });
  });

  it('of the worker stays where it was over many runs that each take all of theirs', async () => {
    const module = await wat(
      `(memory 1 1000) ${go(
        `(drop ${grow(999)}) (memory.fill (i32.const 0) (i32.const 7) (i32.const 65000000)) ${done}`,
      )}`,
    );

    const statuses = new Set<string>();
    for (let i = 0; i < 25; i++) statuses.add((await ground.run(module, { isolation: 'execution' })).status);

    expect([...statuses]).toEqual(['succeeded']);
    expect(Math.max(...ground.sandbox.stats().workers.map(({ rssMb }) => rssMb))).toBeLessThan(64 + 128);
  });

  it('of contexts that were let go comes back while others run', async () => {
    const module = await wat(`(memory 1 1) ${go(done)}`);
    const caller = async () => {
      const statuses = new Set<string>();
      for (let i = 0; i < 300; i++)
        statuses.add((await ground.run(module, { isolation: 'execution' })).status);
      return [...statuses];
    };

    const statuses = await Promise.all([caller(), caller(), caller()]);

    expect(statuses).toEqual([['succeeded'], ['succeeded'], ['succeeded']]);
    expect(Math.max(...ground.sandbox.stats().workers.map(({ rssMb }) => rssMb))).toBeLessThan(64 + 96);
  });

  it('of tables ends at a number of entries', async () => {
    const module = await wat(
      `(table $t 1 funcref) ${go(
        `(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1)))) (table.size $t)`,
      )}`,
    );

    expect((await ground.run(module)).error?.message).toBe('The function returned 90001');
  });

  it.each([
    ['large blocks', '(call $alloc (i64.const 1000000))', 'exchangeBytes'],
    ['small blocks', '(call $alloc (i64.const 1))', 'exchangeBlocks'],
    ['a block beyond all bounds', '(call $alloc (i64.const 0x7fffffffffffffff))', 'exchangeBytes'],
  ])('of the host ends for %s', async (_what, body, limit) => {
    const module = await wat(go(`(loop (drop ${body}) (br 0)) ${done}`), ['alloc']);

    expect(await ground.run(module)).toMatchObject({
      status: 'failed',
      error: { code: 'LIMIT_EXCEEDED', details: { limit } },
    });
  });

  it('of variables has its limit', async () => {
    const module = await wat(
      `(memory 1 1) ${toHost} ${go(
        `(loop (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
           (call $var_set (call $to_host (i32.const 0) (i32.const 4)) (call $alloc (i64.const 9000))) (br 0)) ${done}`,
      )}`,
      ['alloc', 'store_u8', 'var_set'],
    );

    expect(await ground.run(module)).toMatchObject({
      status: 'failed',
      error: { code: 'LIMIT_EXCEEDED', details: { limit: 'variableBytes' } },
    });
  });

  it.each([
    ['before the first block', '(drop (call $load_u8 (i64.const 0)))'],
    ['below zero', '(drop (call $load_u64 (i64.const -8)))'],
    ['after the last block', '(call $store_u8 (i64.const 100000000) (i32.const 1))'],
    ['half in it', '(call $store_u64 (i64.add (call $alloc (i64.const 8)) (i64.const 4)) (i64.const 1))'],
    ['of the input', '(drop (call $input_load_u64 (i64.const 1)))'],
    ['as output', '(call $output_set (i64.const 8) (i64.const 5000))'],
  ])('of the host is closed %s', async (_where, body) => {
    const module = await wat(go(`${body} ${done}`), [
      ...(['alloc', 'load_u8', 'load_u64', 'store_u8', 'store_u64', 'input_load_u64', 'output_set'] as const),
    ]);

    expect(await ground.run(module)).toMatchObject({
      status: 'failed',
      error: { code: 'WASM_TRAP', message: 'The module trapped: no such place in the memory of the host' },
    });
  });

  it('of one run is not there for the next', async () => {
    const module = await wat(
      go(
        `(local.set $at (call $alloc (i64.const 8)))
         (if (i64.ne (call $load_u64 (local.get $at)) (i64.const 0)) (then (return (i32.const 7))))
         (call $store_u64 (local.get $at) (i64.const -1)) ${done}`,
        '(local $at i64)',
      ),
      ['alloc', 'load_u64', 'store_u64'],
    );

    for (let i = 0; i < 3; i++) expect(await ground.run(module)).toMatchObject({ status: 'succeeded' });
  });
});
