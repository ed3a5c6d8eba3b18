import { effectiveLimits } from '@mortise/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Sandbox } from './sandbox.js';
import type { Kill } from './types.js';

const quiet = { info() {}, warn() {}, error() {} };
const kills: Kill[] = [];
const sandbox = new Sandbox({
  ...{ walls: 'off', workers: 2, logger: quiet },
  onKill: (kill) => kills.push(kill),
});
beforeAll(() => sandbox.start());
afterAll(() => sandbox.close());

const limits = effectiveLimits({ timeoutMs: 10_000, memoryMb: 32 }, 'call');
const run = (code: string, executionId: string, host = () => Promise.resolve('null')) =>
  sandbox.invoke({
    executionId,
    unit: {
      ...{ key: code, tenantId: 't', digest: 'd'.repeat(64), cordon: 't', isolation: 'isolate' },
      source: { filename: 'main.js', code },
    },
    ...{ handler: 'go', input: 'null', context: '{}', limits, deadline: Date.now() + 10_000, host },
    log: () => {},
  });

it('ends no neighbour when a plugin that keeps its last memory is compiled once more for those after it', async () => {
  const { promise: answer, resolve: release } = Promise.withResolvers<string>();
  const neighbour = run(`export const go = (i, ctx) => ctx.storage.get('x')`, 'neighbour', () => answer);
  const hoarder = `
    const kept = [];
    export const go = async (input, ctx) => {
      try { for (;;) kept.push(new Uint8Array(1e6)); } catch {}
      await ctx.storage.get('x');
    }`;
  for (let no = 0; no < 4; no++) await run(`${hoarder}//${no}`, `hoarder-${no}`);
  // The worker compiles them again a moment after their first runs.
  await run('export const go = () => new Promise((resolve) => setTimeout(resolve, 100))', 'lingers');
  release('"alive"');

  expect(await neighbour).toMatchObject({ status: 'succeeded', result: '"alive"' });
  expect(kills).toEqual([]);
});
