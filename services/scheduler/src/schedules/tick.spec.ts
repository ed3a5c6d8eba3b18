import { describe, expect, it } from 'vitest';
import { decideTick, graceMs, type DueSchedule } from './tick.js';

const now = 1_000_000_000;
const due = (over: Partial<DueSchedule> = {}): DueSchedule => ({
  catchUp: 'once',
  overlap: 'skip',
  hold: null,
  dueMs: now - 1_000,
  unfinished: false,
  runnable: true,
  ...over,
});
const late = { dueMs: now - graceMs - 1 };

describe('a due tick', () => {
  it('fires', () => {
    expect(decideTick(due(), now)).toEqual({ kind: 'fire' });
  });

  it('that was missed fires once or not at all, as the job says', () => {
    expect(decideTick(due(late), now)).toEqual({ kind: 'fire' });
    expect(decideTick(due({ ...late, catchUp: 'skip' }), now)).toEqual({ kind: 'skip', why: 'missed' });
    expect(decideTick(due({ dueMs: now - graceMs, catchUp: 'skip' }), now)).toEqual({ kind: 'fire' });
  });

  it('waits for the run before it, or is left out', () => {
    expect(decideTick(due({ unfinished: true }), now)).toEqual({ kind: 'skip', why: 'overlap' });
    expect(decideTick(due({ unfinished: true, overlap: 'queue' }), now)).toEqual({ kind: 'wait' });
  });

  it('that waited is not missed', () => {
    expect(decideTick(due({ ...late, catchUp: 'skip', hold: 'released' }), now)).toEqual({ kind: 'fire' });
  });

  it('of an installation that may not run does nothing', () => {
    expect(decideTick(due({ runnable: false }), now)).toEqual({ kind: 'skip', why: 'not_runnable' });
  });
});
