import { describe, expect, it } from 'vitest';
import { Slots } from './slots.js';

describe('Slots', () => {
  it('gives as many as the limit says and the next in order when one comes back', async () => {
    const slots = new Slots();
    const order: string[] = [];
    const first = await slots.take('a', 1, false);
    const second = slots.take('a', 1, false)?.then((release) => (order.push('second'), release));
    const third = slots.take('a', 1, false)?.then((release) => (order.push('third'), release));

    first?.();
    (await second)?.();
    (await third)?.();

    expect(order).toEqual(['second', 'third']);
  });

  it('keeps installations apart', async () => {
    const slots = new Slots();
    await slots.take('a', 1, false);

    await expect(slots.take('b', 1, false)).resolves.toBeTypeOf('function');
  });

  it('refuses the impatient when too many wait, never the patient', () => {
    const slots = new Slots();
    for (let taken = 0; taken < 17; taken++) expect(slots.take('a', 1, false)).toBeDefined();

    expect(slots.take('a', 1, false)).toBeUndefined();
    expect(slots.take('a', 1, true)).toBeDefined();
  });
});
