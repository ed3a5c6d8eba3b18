import { describe, expect, it } from 'vitest';
import { Batcher } from './batcher.js';

describe('Batcher', () => {
  it('does what is asked within one turn in one go and answers each', async () => {
    const batches: number[][] = [];
    const doubled = new Batcher(async (items: number[]) => {
      batches.push(items);
      return items.map((item) => item * 2);
    });

    const answers = await Promise.all([doubled.add(1), doubled.add(2), doubled.add(3)]);

    expect(answers).toEqual([2, 4, 6]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it('gathers the next batch while one runs', async () => {
    const gate = Promise.withResolvers<void>();
    const batches: number[] = [];
    const slow = new Batcher(async (items: number[]) => {
      batches.push(items.length);
      if (batches.length === 1) await gate.promise;
      return items;
    });
    const first = slow.add(1);
    await new Promise<void>((resolve) => setImmediate(resolve));

    const rest = [slow.add(2), slow.add(3)];
    gate.resolve();
    await Promise.all([first, ...rest]);

    expect(batches).toEqual([1, 2]);
  });

  it('tells every caller of a batch that failed, and goes on', async () => {
    let fail = true;
    const shaky = new Batcher(async (items: number[]) => {
      if (fail) throw new Error('connection lost');
      return items;
    });

    await expect(Promise.all([shaky.add(1), shaky.add(2)])).rejects.toThrow('connection lost');
    fail = false;

    await expect(shaky.add(3)).resolves.toBe(3);
  });
});
