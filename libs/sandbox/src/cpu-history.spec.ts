import { describe, expect, it } from 'vitest';
import { CpuHistory } from './cpu-history.js';

const unit = (digest: string, key = digest) => ({ key, tenantId: 'acme', digest });
const noting = (history: CpuHistory, times: number, longestMs: number) =>
  Array.from({ length: times }, () => history.note(unit('p'), longestMs)).lastIndexOf(true);

describe('the history of a plugin', () => {
  it('puts it into the slow lane at the third long entry in a row', () => {
    const history = new CpuHistory();

    expect(noting(history, 2, 50)).toBe(-1);
    expect(history.laneOf(unit('p'))).toBe('fast');
    expect(noting(history, 1, 50)).toBe(0);
    expect(history.laneOf(unit('p', 'another revision'))).toBe('slow');
    expect(history.laneOf(unit('q'))).toBe('fast');
  });

  it('forgives one long entry in thirty and not one in ten', () => {
    const seldom = new CpuHistory();
    const often = new CpuHistory();
    for (let round = 0; round < 100; round++) {
      seldom.note(unit('p'), 40);
      noting(seldom, 29, 1);
      often.note(unit('p'), 40);
      noting(often, 9, 1);
    }

    expect(seldom.laneOf(unit('p'))).toBe('fast');
    expect(often.laneOf(unit('p'))).toBe('slow');
  });

  it('brings it back only after a hundred short runs without a longer one between', () => {
    const history = new CpuHistory();
    noting(history, 3, 50);

    noting(history, 99, 1);
    noting(history, 1, 12);
    expect(noting(history, 99, 1)).toBe(-1);
    expect(history.laneOf(unit('p'))).toBe('slow');

    expect(noting(history, 1, 1)).toBe(0);
    expect(history.laneOf(unit('p'))).toBe('fast');
    expect(history.slow).toBe(0);
  });

  it('does not wander between the lanes with a plugin around the threshold', () => {
    const history = new CpuHistory();
    let moves = 0;
    for (let run = 0; run < 5_000; run++) if (history.note(unit('p'), run % 2 ? 17 : 11)) moves++;

    expect(moves).toBe(1);
  });
});
