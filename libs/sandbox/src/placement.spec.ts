import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Ground } from '../test/ground.js';
import { choose, rank } from './placement.js';

describe('placement in a cordon of several workers', () => {
  it('ranks all workers once, the same way each time', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 16 }), (key, count) => {
        const ranks = rank(key, count);
        expect([...ranks].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
        expect(rank(key, count)).toEqual(ranks);
      }),
    );
  });

  it('moves only what preferred the new worker when one is added', () => {
    for (let n = 0; n < 500; n++) {
      const [before] = rank(`unit ${n}`, 4);
      const [after] = rank(`unit ${n}`, 5);
      if (after !== 4) expect(after).toBe(before);
    }
  });

  it('spreads units evenly', () => {
    const counts = [0, 0, 0, 0];
    for (let n = 0; n < 4_000; n++) counts[rank(`tenant/unit-${n}`, 4)[0] ?? 0]!++;

    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(120);
  });

  it('takes the preferred worker unless that has more than its part', () => {
    expect(choose([2, 0, 1], [0, 0, 0])).toBe(2);
    expect(choose([2, 0, 1], [3, 3, 4])).toBe(2);
    expect(choose([2, 0, 1], [3, 3, 9])).toBe(0);
    expect(choose([0], [99])).toBe(0);
  });

  it('never chooses a worker above the bound while another is below it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 8 }),
        fc.string(),
        (loads, key) => {
          const chosen = loads[choose(rank(key, loads.length), loads)] ?? 0;
          const mean = (loads.reduce((a, b) => a + b, 0) + 1) / loads.length;
          expect(chosen).toBeLessThan(Math.ceil(1.25 * mean));
        },
      ),
    );
  });

  it('gives the plugins of one busy tenant to its workers, each always to the same one', async () => {
    const ground = await Ground.start({ workersPerCordon: 2 });
    onTestFinished(() => ground.sandbox.close());
    const plugins = Array.from(
      { length: 12 },
      (_, no) => `/* ${no} */ let n = 0; export const go = () => ++n`,
    );

    for (let round = 1; round <= 3; round++)
      for (const code of plugins) expect((await ground.go({ code })).result).toBe(String(round));

    const workers = ground.workers('acme');
    expect(workers).toHaveLength(2);
    expect(workers.reduce((sum, { units }) => sum + units, 0)).toBe(12);
    for (const { units } of workers) expect(units).toBeGreaterThan(0);
  });
});
