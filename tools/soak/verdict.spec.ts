import { expect, it } from 'vitest';
import type { Reading } from './kernel.ts';
import { judge, percentile, type Outcome } from './verdict.ts';

const reading = (over: Partial<Reading> = {}): Reading => ({
  ...{ rssMb: 300, descriptors: 100, workers: 8, workersMb: 500, zombies: 0 },
  ...over,
});
const outcome = (over: Partial<Outcome> = {}): Outcome => ({
  quietMs: Array.from({ length: 100 }, (_, at) => at),
  stormMs: Array.from({ length: 100 }, (_, at) => at * 1.2),
  readings: Array.from({ length: 8 }, () => reading()),
  ...{ wrong: [], late: [], alive: true },
  ...over,
});

it('finds nothing wrong with what stays as it is', () => {
  expect(judge(outcome())).toEqual([]);
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
});

it.each([
  ['ends', { alive: false }, 'has ended'],
  ['fails good calls', { wrong: ['500'] }, '1 good calls failed'],
  ['answers late', { late: ['cpu-while'] }, 'answered late'],
  ['gets slow', { stormMs: [1, 500] }, 'over 1.3x'],
  [
    'grows',
    { readings: [1, 2, 3, 4, 5, 6].map((at) => reading({ rssMb: at * 200 })) },
    'RSS of the platform',
  ],
  [
    'leaks',
    { readings: [1, 2, 3, 4, 5, 6].map((at) => reading({ descriptors: at * 50 })) },
    'descriptors leak',
  ],
  [
    'leaves processes',
    { readings: Array.from({ length: 6 }, () => reading({ zombies: 2 })) },
    'looked after',
  ],
] satisfies [string, Partial<Outcome>, string][])('tells of a platform that %s', (_what, over, sentence) => {
  expect(judge(outcome(over))).toMatchObject([expect.stringContaining(sentence)]);
});
