import { effectiveLimits } from '@mortise/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Sandbox } from './sandbox.js';

const quiet = { info() {}, warn() {}, error() {} };
const sandbox = new Sandbox({ walls: 'off', workers: 2, logger: quiet });
beforeAll(() => sandbox.start());
afterAll(() => sandbox.close());

const limits = effectiveLimits({ timeoutMs: 10_000, memoryMb: 32 }, 'call');
const run = (code: string, no: number) =>
  sandbox.invoke({
    executionId: `run-${no}`,
    unit: {
      ...{ key: code, tenantId: 't', digest: 'd'.repeat(64), cordon: 't', isolation: 'execution' },
      source: { filename: 'main.js', code },
    },
    ...{ handler: 'go', input: 'null', context: '{}', limits, deadline: Date.now() + 10_000 },
    host: () => Promise.resolve('null'),
    log: () => {},
  });

const hold = 'globalThis.held = new Array(1e6).fill(1);';
it.each([
  ['a module', `${hold} export const go = () => 1;`],
  ['a CommonJS file', `${hold} exports.go = () => 1;`],
  ['one with a timer left', `${hold} export const go = () => { setInterval(() => {}, 1); return 1; };`],
])('gives back all that a run of %s held, each run a quarter of the limit', async (_what, code) => {
  const ended = [];
  for (let no = 0; no < 30; no++) ended.push((await run(code, no)).status);

  expect(new Set(ended)).toEqual(new Set(['succeeded']));
});
