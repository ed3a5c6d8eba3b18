import { effectiveLimits } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.js';
import { SpentTimers } from './spent-timers.js';
import type { Kill } from './types.js';

describe('timers that are spent', () => {
  it('count until the deadline of their run', () => {
    const timers = new SpentTimers();
    for (let entry = 0; entry < 10_000; entry++) timers.note(5_000);
    for (let entry = 0; entry < 10_000; entry++) timers.note(9_500);

    expect(timers.mb(1_000)).toBeCloseTo(3.81, 2);
    expect(timers.mb(5_999)).toBeCloseTo(3.81, 2);
    expect(timers.mb(6_000)).toBeCloseTo(1.91, 2);
    expect(timers.mb(10_000)).toBe(0);
  });

  it('do not make a plugin look as if it took memory that is called very often', async () => {
    const kills: Kill[] = [];
    const sandbox = new Sandbox({
      ...{ walls: 'off', workers: 2, logger: { info() {}, warn() {}, error() {} } },
      onKill: (kill) => kills.push(kill),
    });
    await sandbox.start();
    const limits = effectiveLimits({ timeoutMs: 30_000, memoryMb: 8 }, 'call');
    // Its runs enter one by one, each under a time limit of its own: after an await nobody would know whose the task is.
    const code = 'export const go = async () => { await null; queueMicrotask(() => {}); return 1; }';
    const call = (executionId: string) =>
      sandbox.invoke({
        executionId,
        unit: {
          ...{ key: 'k', tenantId: 't', digest: 'd'.repeat(64), cordon: 't', isolation: 'isolate' },
          source: { filename: 'main.js', code },
        },
        ...{ handler: 'go', input: '1', context: '{}', limits, deadline: Date.now() + 30_000 },
        host: () => Promise.resolve('1'),
        log: () => {},
      });

    let left = 320_000;
    const caller = async (no: number) => {
      while (left-- > 0) expect((await call(`${no}-${left}`)).status).toBe('succeeded');
    };
    await Promise.all(Array.from({ length: 64 }, (_, no) => caller(no)));

    expect(kills).toEqual([]);
    // What was left behind is more than the plugin and the slack around it may have.
    expect(sandbox.stats().workers.some(({ rssMb }) => rssMb > 110)).toBe(true);
    await sandbox.close();
  }, 120_000);
});
