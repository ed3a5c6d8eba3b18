import { effectiveLimits } from '@mortise/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.js';
import type { Invocation, LogEntry, SandboxResult } from './types.js';

const quiet = { info() {}, warn() {}, error() {} };
const sandbox = new Sandbox({ walls: 'prefer', logger: quiet });
beforeAll(() => sandbox.start());
afterAll(() => sandbox.close());

let count = 0;
interface Run {
  code: string;
  handler?: string;
  input?: unknown;
  tenant?: string;
  timeoutMs?: number;
  memoryMb?: number;
  limits?: Partial<Invocation['limits']>;
  host?: Invocation['host'];
  isolation?: 'isolate' | 'execution';
  executionId?: string;
  idempotent?: boolean;
}

function invocation(run: Run, logs: LogEntry[] = []): Invocation {
  const tenantId = run.tenant ?? 'acme';
  const limits = {
    ...effectiveLimits({ timeoutMs: run.timeoutMs ?? 2_000, memoryMb: run.memoryMb ?? 64 }, 'call'),
    ...run.limits,
  };
  const executionId = run.executionId ?? `run-${++count}`;
  return {
    executionId,
    unit: {
      key: `${tenantId}:${run.isolation ?? ''}:${run.code}`,
      tenantId,
      digest: 'd'.repeat(64),
      cordon: tenantId,
      isolation: run.isolation ?? 'isolate',
      source: { filename: 'dist/main.js', code: run.code },
    },
    handler: run.handler ?? 'go',
    input: JSON.stringify(run.input ?? null),
    context: JSON.stringify({ tenantId, executionId, config: { greeting: 'Hi' } }),
    limits,
    deadline: Date.now() + limits.timeoutMs,
    ...(run.idempotent !== undefined && { idempotent: run.idempotent }),
    host: run.host ?? (() => Promise.resolve('null')),
    log: (line) => logs.push(line),
  };
}

const go = (run: Run, logs?: LogEntry[]): Promise<SandboxResult> => sandbox.invoke(invocation(run, logs));
const body = (text: string) => `export const go = async (input, ctx) => {${text}}`;
const value = (result: SandboxResult): unknown => JSON.parse(result.result ?? 'null');

describe('running functions', () => {
  it('answers what an ES module export returns', async () => {
    const result = await go({
      code: 'export const go = (input) => ({ hello: input.name })',
      input: { name: 'Ada' },
    });

    expect(result).toMatchObject({ status: 'succeeded', result: '{"hello":"Ada"}', started: true });
    expect(result.usage.wallMs).toBeGreaterThan(0);
    expect(result.usage.bytesOut).toBe(15);
  });

  it.each([
    ['a default object of functions', 'export default { functions: { go: () => 1 } }'],
    ['a default object', 'export default { go: () => 1 }'],
    ['a module right behind a comment', '/*! MIT */export const go = () => 1'],
    ['CommonJS exports', 'exports.go = () => 1'],
    ['a CommonJS plugin', 'module.exports = { functions: { go: () => 1 } }'],
    ['CommonJS whose text speaks of export default', 'const s = "; export default {}"; exports.go = () => 1'],
  ])('finds the function in %s', async (_what, code) => {
    expect(await go({ code })).toMatchObject({ status: 'succeeded', result: '1' });
  });

  it('names the function that the file does not export', async () => {
    const result = await go({ code: 'export const other = 1' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'FUNCTION_NOT_FOUND' } });
  });

  it('carries host calls and their answers, several at a time', async () => {
    const ops: string[] = [];
    const host = (op: string, args: string) => {
      ops.push(`${op} ${args}`);
      return Promise.resolve(JSON.stringify({ n: ops.length }));
    };

    const result = await go({
      code: body(
        `const [a, b] = await Promise.all([ctx.storage.get('x'), ctx.secrets.get('y')]); return [a.n, b.n]`,
      ),
      host,
    });

    expect(value(result)).toEqual([1, 2]);
    expect(ops).toEqual(['storage.get {"key":"x"}', 'secrets.get {"key":"y"}']);
    expect(result.usage.hostCalls).toBe(2);
  });

  it('keeps no more host calls in flight than allowed and lets the others wait', async () => {
    let now = 0;
    let most = 0;
    const host = async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return '1';
    };

    const result = await go({
      code: body(
        `let n = 0; for (const v of await Promise.all(Array.from({ length: 50 }, () => ctx.storage.get('k')))) n += v; return n`,
      ),
      limits: { hostCallsInFlight: 4 },
      host,
    });

    expect(value(result)).toBe(50);
    expect(most).toBe(4);
  });

  it('shows the plugin what the host refuses and hides what fails there', async () => {
    const host = (op: string) =>
      Promise.reject(
        op === 'secrets.get'
          ? Object.assign(new Error('secret host text'), {
              guest: { code: 'PERMISSION_DENIED', message: 'No' },
            })
          : new Error('postgres://user:pass@db/internal'),
      );
    const code = body(
      `const seen = []; for (const call of [() => ctx.secrets.get('a'), () => ctx.storage.get('b')]) try { await call() } catch (e) { seen.push([e.code, e.message, String(e.stack)]) } return seen`,
    );

    const text = (await go({ code, host })).result ?? '';

    expect(text).toContain('PERMISSION_DENIED');
    expect(text).toContain('INTERNAL');
    expect(text).not.toMatch(/postgres|host text|node:|mortise\/libs/);
  });

  it('is denied when the plugin lets a denial through', async () => {
    const host = () =>
      Promise.reject(Object.assign(new Error(), { guest: { code: 'PERMISSION_DENIED', message: 'No' } }));

    expect(await go({ code: body(`await ctx.storage.get('a')`), host })).toMatchObject({ status: 'denied' });
  });

  it('ends as a security violation when the host says so, whatever the plugin catches', async () => {
    const host = () =>
      Promise.reject(
        Object.assign(new Error(), {
          guest: { code: 'SECURITY_VIOLATION', message: 'Never asked for' },
          outcome: 'security_violation',
        }),
      );

    const result = await go({ code: body(`try { await ctx.storage.get('a') } catch {} return 1`), host });

    expect(result).toMatchObject({ status: 'security_violation', error: { code: 'SECURITY_VIOLATION' } });
  });

  it('hands on logs with level and fields, console included', async () => {
    const logs: LogEntry[] = [];

    await go({ code: body(`ctx.log.warn('careful', { a: 1 }); console.log('x', { y: 2 })`) }, logs);

    expect(logs).toEqual([
      { level: 'warn', message: 'careful', fields: { a: 1 } },
      { level: 'info', message: 'x {"y":2}' },
    ]);
  });

  it('waits for timers and drops those that are left at the end', async () => {
    const code = body(
      `setInterval(() => ctx.log.info('late'), 5); await new Promise((r) => setTimeout(r, 20)); return 'done'`,
    );

    expect(value(await go({ code }))).toBe('done');
  });

  it('keeps state between runs of one isolate and none with isolation per execution', async () => {
    const code = 'let n = 0; export const go = () => ++n';

    const shared = [value(await go({ code })), value(await go({ code }))];
    const fresh = [
      value(await go({ code, isolation: 'execution' })),
      value(await go({ code, isolation: 'execution' })),
    ];

    expect(shared).toEqual([1, 2]);
    expect(fresh).toEqual([1, 1]);
  });

  it('refuses imports of every kind', async () => {
    const results = await Promise.all([
      go({ code: `import fs from 'node:fs'; export const go = () => 1` }),
      go({ code: body(`return (await import('node:fs')).existsSync('/')`) }),
      go({ code: `const fs = require('fs'); exports.go = () => 1` }),
    ]);

    expect(results.map((result) => result.status)).toEqual(['failed', 'failed', 'failed']);
    expect(results[0]?.error?.code).toBe('IMPORT_REFUSED');
  });
});

describe('results and errors', () => {
  it.each([
    ['a big integer', 'return 1n'],
    ['a cycle', 'const a = {}; a.a = a; return a'],
    ['a function', 'return () => 1'],
  ])('fails with RESULT_INVALID for %s', async (_what, text) => {
    expect(await go({ code: body(text) })).toMatchObject({
      status: 'failed',
      error: { code: 'RESULT_INVALID' },
    });
  });

  it('carries a large result unharmed and refuses one over the limit', async () => {
    const large = await go({ code: body(`return 'é'.repeat(400000)`) });
    const over = await go({ code: body(`return 'x'.repeat(2000000)`) });

    expect((value(large) as string).length).toBe(400_000);
    expect(over).toMatchObject({
      status: 'failed',
      error: { code: 'LIMIT_EXCEEDED', details: { limit: 'outputBytes', value: 1_048_576 } },
    });
    expect(over.limitsHit?.[0]).toMatchObject({ limit: 'outputBytes' });
  });

  it('gives code, message and the frames of the plugin only', async () => {
    const code =
      'export const go = () => {\n  throw Object.assign(new Error("no stock"), { code: "OUT_OF_STOCK" });\n}';

    const { error } = await go({ code });

    expect(error).toMatchObject({ code: 'OUT_OF_STOCK', message: 'no stock' });
    expect(error?.stack).toContain('dist/main.js:2:');
    expect(error?.stack).not.toMatch(/node:|mortise:|isolated-vm|\/libs\//);
  });

  it.each([
    ['undefined', 'throw undefined'],
    ['a symbol', `throw Symbol('s')`],
    [
      'an object whose getters throw',
      'throw { get message() { throw 1 }, get code() { throw 2 }, get stack() { throw 3 } }',
    ],
    ['a proxy', 'throw new Proxy({}, { get() { throw new Error("trap") } })'],
  ])('turns a thrown %s into text', async (_what, text) => {
    const result = await go({ code: body(text) });

    expect(result.status).toBe('failed');
    expect(typeof result.error?.message).toBe('string');
  });

  it('stops a getter on a thrown error that never returns', async () => {
    const result = await go({ code: body('throw { get message() { for (;;); } }'), timeoutMs: 200 });

    expect(result.status).toBe('timed_out');
  });
});

describe('limits', () => {
  it('lets no more host calls through than allowed', async () => {
    let calls = 0;
    const host = () => {
      calls++;
      return Promise.resolve('null');
    };

    const result = await go({ code: body(`for (;;) await ctx.storage.get('x')`), host });

    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'LIMIT_EXCEEDED', details: { limit: 'hostCalls', value: 1_000, used: 1_001 } },
      limitsHit: [{ limit: 'hostCalls', value: 1_000, used: 1_001 }],
    });
    expect(calls).toBe(1_000);
  });

  it('cuts a log flood of 100 MB off with a mark and stays flat', async () => {
    const logs: LogEntry[] = [];
    const before = process.memoryUsage.rss();

    const result = await go(
      { code: body(`const s = 'y'.repeat(1e6); for (let i = 0; i < 100; i++) ctx.log.info(s)`) },
      logs,
    );

    expect(result.status).toBe('succeeded');
    expect(logs.reduce((bytes, line) => bytes + line.message.length, 0)).toBeLessThan(70_000);
    expect(logs.at(-1)?.message).toContain('log cut off here');
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1_048_576);
  });

  it.each([
    ['a loop', 'for (;;);'],
    ['a loop after an await', 'await ctx.storage.get("x"); for (;;);'],
    ['a storm of microtasks', 'for (;;) await null'],
    ['a promise that never settles beside a timer', 'setInterval(() => {}, 50); await new Promise(() => {})'],
    [
      'a built-in that V8 cannot interrupt',
      'return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)',
    ],
  ])('ends %s at its deadline', async (_what, text) => {
    const started = Date.now();

    const result = await go({ code: body(text), timeoutMs: 400, tenant: 'spinner' });

    expect(result.status).toBe('timed_out');
    expect(Date.now() - started).toBeLessThan(400 + 250 + 150);
  });

  it('fails a run at once that waits for nothing', async () => {
    const started = Date.now();

    const result = await go({ code: body('await new Promise(() => {})'), timeoutMs: 5_000 });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'NEVER_SETTLES' } });
    expect(Date.now() - started).toBeLessThan(1_000);
  });

  it.each([
    ['arrays', 'const a = []; for (;;) a.push(new Array(1e5).fill({}))'],
    ['a map', 'const m = new Map(); for (let i = 0; ; i++) m.set({ i }, { i })'],
    [
      'strings',
      `let s = 'x'; const a = []; for (;;) { s += s.length < 1e6 ? s : 'y'; a.push([...s.slice(0, 1e5)]) }`,
    ],
    ['array buffers', 'const a = []; for (;;) a.push(new ArrayBuffer(4e6))'],
  ])('ends a memory bomb of %s', async (_what, text) => {
    const result = await go({ code: body(text), timeoutMs: 5_000, memoryMb: 32, tenant: 'bomber' });

    expect(['out_of_memory', 'failed']).toContain(result.status);
    expect(result.error?.code).toMatch(/OUT_OF_MEMORY|EXECUTION_FAILED/);
  });
});

describe('walls', () => {
  it('has none of what defeats the limits, and no way to the host', async () => {
    const names = ['SharedArrayBuffer', 'Atomics', 'WebAssembly', 'WeakRef', 'process', 'require', 'Buffer'];
    const code = body(`
      const there = ${JSON.stringify(names)}.filter((name) => typeof globalThis[name] !== 'undefined');
      const reach = [ctx.log, ctx.storage.get, setTimeout, console.log, TextEncoder].map((f) => {
        try { return typeof f.constructor.constructor('return process')() } catch (e) { return e.name }
      });
      return { there, reach, resizable: new ArrayBuffer(8, { maxByteLength: 64 }).resizable };`);

    expect(value(await go({ code }))).toEqual({
      there: [],
      reach: Array.from({ length: 5 }, () => 'ReferenceError'),
      resizable: false,
    });
  });

  it('survives a plugin that replaces every built-in it can reach', async () => {
    const code = body(`
      try { JSON.parse = () => 'forged' } catch {}
      try { JSON.stringify = () => 'forged' } catch {}
      Array.prototype.push = Array.prototype.shift = String.prototype.slice = Object.keys = () => { throw 1 };
      Object.defineProperty(Object.prototype, 'log', { set() { throw 2 }, configurable: true });
      return await ctx.storage.get('x');`);

    const result = await go({ code, host: () => Promise.resolve('{"real":true}'), tenant: 'polluter' });

    expect(value(result)).toEqual({ real: true });
    expect(({} as Record<string, unknown>).log).toBeUndefined();
  });

  it('lets a victim of another tenant run on time beside one that spins', async () => {
    const spinning = go({ code: body('for (;;);'), tenant: 'spinner', timeoutMs: 1_000 });
    const started = Date.now();

    const victim = await go({ code: body('return ctx.config.greeting'), tenant: 'victim' });

    expect(value(victim)).toBe('Hi');
    expect(Date.now() - started).toBeLessThan(800);
    expect((await spinning).status).toBe('timed_out');
  });

  it('kills a running execution on demand and blames nobody else', async () => {
    let called: () => void = () => {};
    const inside = new Promise<void>((resolve) => (called = resolve));
    const host = () => {
      called();
      return new Promise<string>(() => {});
    };
    const running = go({ code: body(`await ctx.storage.get('x')`), host, executionId: 'to-kill' });
    await inside;

    expect(sandbox.kill('to-kill', 'asked for')).toBe(true);

    expect(await running).toMatchObject({ status: 'cancelled', error: { code: 'EXECUTION_CANCELLED' } });
    expect(sandbox.kill('to-kill', 'again')).toBe(false);
  });

  it('repeats unseen what waited behind a run that had to be killed', async () => {
    const guilty = go({
      code: body('return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)'),
      tenant: 'shared',
      timeoutMs: 300,
    });
    const innocents = Array.from({ length: 5 }, (_, n) =>
      go({ code: body('return input'), input: n, tenant: 'shared', timeoutMs: 5_000 }),
    );

    expect((await guilty).status).toBe('timed_out');
    expect((await Promise.all(innocents)).map(value)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('inspect', () => {
  it('lists what can be called and what is missing', async () => {
    const code = 'export const a = () => 1; export const n = 1; export default { functions: { b() {} } }';

    expect(await sandbox.inspect({ filename: 'main.js', code }, ['a', 'b', 'c'])).toEqual({
      ok: false,
      exports: ['a', 'b'],
      missing: ['c'],
    });
  });

  it('shows a syntax error with file, line, column and code frame', async () => {
    const result = await sandbox.inspect(
      { filename: 'main.js', code: 'export const a = 1;\nconst b = ;\n' },
      [],
    );

    expect(result).toMatchObject({
      ok: false,
      error: { code: 'MAIN_INVALID', file: 'main.js', line: 2, column: 11 },
    });
    expect(result.error?.frame).toContain('2 | const b = ;\n      |           ^');
  });

  it.each([
    ['loops for ever', 'for (;;);'],
    ['loops in a built-in', 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)'],
    ['takes all memory', 'const m = new Map(); for (let i = 0; ; i++) m.set({ i }, { i })'],
  ])('refuses a file that %s while it loads', async (_what, code) => {
    const result = await sandbox.inspect({ filename: 'main.js', code: `${code}; export const a = 1` }, ['a']);

    expect(result.ok).toBe(false);
    expect(result.error?.message).toBeTruthy();
  });
});
