import { describe, expect, it } from 'vitest';
import { CpuShare } from './cpu-share.js';

function share() {
  let nowMs = 1_000;
  const shares = new CpuShare({ now: () => nowMs });
  return { shares, pass: (ms: number) => (nowMs += ms) };
}

describe('the share of a processor', () => {
  it('lets an installation use all that the window holds at once, and then waits for what is over', () => {
    const { shares, pass } = share();

    expect(shares.add('a', 50, 5_000)).toBeUndefined();
    expect(shares.over('a', 50)).toBeUndefined();
    expect(shares.add('a', 50, 1_000)).toBe(60);
    expect(shares.over('a', 50)).toEqual({
      details: { limit: 'cpuPercent', value: 50, used: 60 },
      waitMs: 2_000,
    });
    expect(shares.over('b', 50)).toBeUndefined();

    pass(1_999);
    expect(shares.over('a', 50)?.waitMs).toBe(1);
    pass(1);
    expect(shares.over('a', 50)).toBeUndefined();
  });

  it('lets one that stays below its share run for ever, and holds one above it to its share', () => {
    const { shares, pass } = share();
    let ran = 0;
    for (let tick = 0; tick < 10_000; tick++) {
      shares.add('modest', 50, 4.9);
      expect(shares.over('modest', 50)?.waitMs).toBeUndefined();
      if (!shares.over('greedy', 50)) {
        ran += 9;
        shares.add('greedy', 50, 9);
      }
      pass(10);
    }

    expect(ran / (10_000 * 10)).toBeLessThan(0.56);
    expect(ran / (10_000 * 10)).toBeGreaterThan(0.45);
  });

  it('says once that the limit was passed, and makes nobody wait longer than the window', () => {
    const { shares } = share();

    expect(shares.add('a', 50, 60_000)).toBe(600);
    expect(shares.add('a', 50, 60_000)).toBeUndefined();
    expect(shares.over('a', 50)?.waitMs).toBe(10_000);
  });

  it('lets a raised limit count at once', () => {
    const { shares } = share();
    shares.add('a', 50, 9_000);

    expect(shares.over('a', 50)?.waitMs).toBe(8_000);
    expect(shares.over('a', 100)?.waitMs).toBeUndefined();
  });

  it('forgets those that owe nothing once they are many', () => {
    const { shares, pass } = share();
    for (let id = 0; id < 10_000; id++) shares.add(`quick-${id}`, 50, 1);
    shares.add('slow', 50, 9_000);
    pass(5_000);
    for (let id = 0; id < 2; id++) shares.add(`next-${id}`, 50, 1);

    expect(shares.size).toBe(3);
    expect(shares.over('slow', 50)?.waitMs).toBe(3_000);
  });
});
