import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground, type Call } from '../test/ground.js';

let ground: Ground;
beforeAll(async () => (ground = await Ground.start()));
afterAll(() => ground.sandbox.close());

let count = 0;

/** Code that has come back often enough for its runs to enter their isolate together. */
async function proven(body: string): Promise<Omit<Call, 'input'>> {
  const code = `export const go = async (input, ctx) => { ${body} }`;
  const call = { code, tenant: `tenant-${++count}` };
  for (let run = 0; run < 30; run++) await ground.go({ ...call, input: -1 });
  return call;
}

/** Sent in one turn, so that they arrive in one. */
const ten = (call: Omit<Call, 'input'>, each: (n: number) => Partial<Call> = () => ({})) =>
  Promise.all(Array.from({ length: 10 }, (_, n) => ground.go({ ...call, input: n, ...each(n) })));
const numbers = (to: number) => Array.from({ length: to }, (_, n) => String(n));

describe('runs that enter their isolate together', () => {
  it('each answer for themselves', async () => {
    const results = await ten(await proven('return input * 2'));

    expect(results.map(({ result }) => Number(result))).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(results.every(({ usage }) => usage.cpuMs > 0)).toBe(true);
  });

  it('find the isolate as the runs before have left it, in their order', async () => {
    const results = await ten(await proven('globalThis.all = (globalThis.all ?? "") + input; return all'));

    expect(JSON.parse(results[9]?.result ?? '')).toBe(`${'-1'.repeat(30)}0123456789`);
  });

  it.each([
    ['spins', 'for (;;);'],
    ['spins after an await', 'await null; for (;;);'],
    ['hangs in a built-in', 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)'],
  ])('lose nothing by the one behind them that %s', async (_what, body) => {
    const call = await proven(`if (input === 9) { ${body} } return input`);

    const results = await ten(call, () => ({ timeoutMs: 1_500 }));

    expect(results[9]).toMatchObject({ status: 'timed_out', started: true });
    expect(results.slice(0, 9).map(({ result }) => result)).toEqual(numbers(9));
  });

  it.each([
    ['its heap', 'for (let m = new Map(), i = 0; ; i++) m.set(i, [i])'],
    ['memory outside of it', 'for (const k = []; ; ) k.push(new Intl.DateTimeFormat("en"))'],
  ])('lose nothing by one among them that fills %s', async (_what, body) => {
    const call = await proven(`if (input === 4) { ${body} } return input`);

    const results = await ten(call);

    expect(results.map(({ status }) => status)).toEqual(
      Array.from({ length: 10 }, (_, n) => (n === 4 ? 'out_of_memory' : 'succeeded')),
    );
  });

  it('have their plugin answer for a worker that hung, though none of them hangs alone', async () => {
    const hangs = 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)';
    const call = await proven(
      `globalThis.runs = (globalThis.runs ?? 0) + 1; if (globalThis.runs > 35) ${hangs}; return input`,
    );

    const results = await ten(call);

    expect(results.map(({ result }) => result)).toEqual(numbers(10));
    expect(results.flatMap(({ kill }) => kill ?? [])).toMatchObject([{ reason: 'deadline' }]);
  });

  it('may have their worker work for them as long as each alone may', async () => {
    const call = await proven(
      'if (input === 4) for (let n = 0; n < 300_000; n++) crypto.randomUUID(); return input',
    );

    const results = await ten(call);

    expect(results.map(({ result }) => result)).toEqual(numbers(10));
    expect(results[4]?.usage.cpuMs).toBeGreaterThan(150);
  });

  it('call the host and log once each, although all are begun anew for one that spins', async () => {
    const calls: string[] = [];
    const lines: string[] = [];
    const call = await proven(
      'if (input === 9) for (;;); if (input >= 0) { ctx.log("line " + input); await ctx.storage.get("k" + input); } return input',
    );

    const results = await ten(call, () => ({
      timeoutMs: 1_500,
      host: (_op, args) => {
        calls.push(args);
        return Promise.resolve('null');
      },
      log: ({ message }) => lines.push(message),
    }));

    expect(results[9]?.status).toBe('timed_out');
    expect(calls).toEqual(numbers(9).map((n) => `{"key":"k${n}"}`));
    expect(lines).toEqual(numbers(9).map((n) => `line ${n}`));
  });

  it('leave alone a run of theirs that is under way, when one of them spins', async () => {
    const call = await proven(
      'if (input === 9) for (;;); if (input === "waits") return ctx.storage.get("k"); return input',
    );
    const { promise, resolve } = Promise.withResolvers<string>();
    const waits = ground.go({ ...call, input: 'waits', host: () => promise });

    const results = await ten(call, () => ({ timeoutMs: 1_500 }));
    resolve('"answered"');

    expect(results[9]?.status).toBe('timed_out');
    expect(await waits).toMatchObject({ status: 'succeeded', result: '"answered"' });
  });

  it('keep their own timers and console lines after an await', async () => {
    const call = await proven(
      'await null; console.log(`line ${input}`); await new Promise((next) => setTimeout(next, input)); return input',
    );
    const lines: string[] = [];

    const results = await ten(call, (n) => ({ log: ({ message }) => lines.push(`${n} ${message}`) }));

    expect(results.map(({ result }) => result)).toEqual(numbers(10));
    expect(lines.sort()).toEqual(numbers(10).map((n) => `${n} line ${n}`));
  });

  it('keep their own unhandled rejections', async () => {
    const call = await proven('if (input === 3) Promise.reject(new Error("lost")); return input');
    const lines: string[] = [];

    const results = await ten(call, (n) => ({ log: ({ message }) => lines.push(`${n} ${message}`) }));

    expect(results.map(({ result }) => result)).toEqual(numbers(10));
    expect(lines).toEqual(['3 Unhandled promise rejection: lost']);
  });

  it('do not wait for one that can never finish', async () => {
    const call = await proven('if (input === 3) await new Promise(() => {}); return input');

    const results = await ten(call);

    expect(results[3]?.error?.code).toBe('NEVER_SETTLES');
    expect(results.filter(({ status }) => status === 'succeeded')).toHaveLength(9);
  });
});
