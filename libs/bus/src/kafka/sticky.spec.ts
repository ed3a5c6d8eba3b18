import { describe, expect, it } from 'vitest';
import { shareSticky, type Claimant } from './sticky.js';

/** A small generator with a seed: a failure can be run again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const claimants = (shares: ReadonlyMap<string, readonly number[]>): Claimant[] =>
  [...shares].map(([id, partitions]) => ({ id, partitions, since: 1 }));

const kept = (
  before: ReadonlyMap<string, readonly number[]>,
  after: ReadonlyMap<string, readonly number[]>,
) =>
  [...after].reduce(
    (sum, [id, share]) => sum + share.filter((partition) => before.get(id)?.includes(partition)).length,
    0,
  );

/** The most that any even share could leave in place. */
function mostKept(before: ReadonlyMap<string, readonly number[]>, members: string[], partitions: number) {
  const owned = members.map((id) => before.get(id)?.length ?? 0).sort((a, b) => b - a);
  const least = Math.floor(partitions / members.length);
  const withOneMore = partitions % members.length;
  return owned.reduce((sum, own, index) => sum + Math.min(own, index < withOneMore ? least + 1 : least), 0);
}

describe('sharing partitions', () => {
  it('shares evenly, each partition once, moving the fewest, through any joining and leaving', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const below = random(seed);
      const partitions = 1 + below(60);
      let shares = new Map<string, number[]>();
      let ids: string[] = [];
      for (let step = 0; step < 12; step++) {
        if (ids.length === 0 || below(2) === 0) ids = [...ids, `m${seed}-${step}`];
        else ids = ids.filter((_, index) => index !== below(ids.length));
        if (ids.length === 0) continue;
        const before = shares;
        shares = shareSticky(claimants(new Map(ids.map((id) => [id, before.get(id) ?? []]))), partitions);

        const all = [...shares.values()].flat().sort((a, b) => a - b);
        expect(all, `seed ${seed}`).toEqual(Array.from({ length: partitions }, (_, index) => index));
        const sizes = [...shares.values()].map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes), `seed ${seed}`).toBeLessThanOrEqual(1);
        expect(kept(before, shares), `seed ${seed}`).toBe(mostKept(before, ids, partitions));
      }
    }
  });

  it('believes the later of two that claim the same partition, and no claim beyond the topic', () => {
    const shares = shareSticky(
      [
        { id: 'old', partitions: [0, 1], since: 1 },
        { id: 'new', partitions: [0, 1, 9], since: 2 },
      ],
      4,
    );

    expect(shares.get('new')?.sort()).toEqual([0, 1]);
    expect(shares.get('old')?.sort()).toEqual([2, 3]);
  });
});
