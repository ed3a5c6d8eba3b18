import { beforeEach, describe, expect, it } from 'vitest';
import { Pace } from './pace.js';

describe('the pace of background work', () => {
  let nowMs = 0;
  let busy = 0;
  let timers: { atMs: number; run: () => void }[] = [];
  let pace: Pace;
  beforeEach(() => {
    nowMs = 10_000;
    busy = 0;
    timers = [];
    pace = new Pace({
      now: () => nowMs,
      busy: () => busy,
      after: (delayMs, run) => {
        const timer = { atMs: nowMs + delayMs, run };
        timers.push(timer);
        return () => (timers = timers.filter((other) => other !== timer));
      },
    });
  });

  const passes = (ms: number, eachMs = () => {}) => {
    for (const endMs = nowMs + ms; nowMs < endMs;) {
      nowMs += 1;
      eachMs();
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { run } of due) run();
    }
  };
  let entered = 0;
  /** More than ever come in. */
  const crowd = () => {
    entered = 0;
    pace.called();
    for (let n = 0; n < 20_000; n++) void (pace.enter() ?? Promise.resolve()).then(() => (entered += 1));
  };
  /** How many come in while the time passes and somebody calls each millisecond. */
  const comeIn = async (ms: number): Promise<number> => {
    const before = entered;
    passes(ms, () => pace.called());
    await new Promise((resolve) => setImmediate(resolve));
    return entered - before;
  };

  it('is as fast as it comes while nobody calls', () => {
    for (let n = 0; n < 10_000; n++) expect(pace.enter()).toBeUndefined();
  });

  it('slows down while callers find the process busy, and never stands still', async () => {
    busy = 0.9;
    crowd();

    expect(await comeIn(1_000)).toBeLessThan(1_000);
    await comeIn(3_000);
    expect(pace.rate).toBe(100);
    const slowest = await comeIn(1_000);
    expect(slowest).toBeGreaterThanOrEqual(90);
    expect(slowest).toBeLessThanOrEqual(110);
  });

  it('gets faster again when the process has time, at once when the callers have gone', async () => {
    busy = 0.9;
    crowd();
    await comeIn(5_000);
    busy = 0.1;
    await comeIn(3_000);
    expect(pace.rate).toBeGreaterThan(500);

    passes(3_000);

    expect(timers).toEqual([]);
    expect(pace.enter()).toBeUndefined();
  });

  it('lets everybody in when the process ends', async () => {
    pace.called();
    const entries = Array.from({ length: 500 }, () => pace.enter() ?? Promise.resolve());

    pace.close();

    await Promise.all(entries);
    pace.called();
    expect(pace.enter()).toBeUndefined();
  });
});
