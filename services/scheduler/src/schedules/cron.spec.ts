import { describe, expect, it } from 'vitest';
import { jitterMs, nextDue, nextRun } from './cron.js';

const at = (text: string) => Date.parse(text);
const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());

describe('cron', () => {
  it('fires on the clocks of its time zone', () => {
    const after = at('2026-01-15T00:00:00Z');

    expect(iso(nextRun('30 9 * * *', 'UTC', after))).toBe('2026-01-15T09:30:00.000Z');
    expect(iso(nextRun('30 9 * * *', 'Europe/Berlin', after))).toBe('2026-01-15T08:30:00.000Z');
    expect(iso(nextRun('30 9 * * *', 'America/New_York', after))).toBe('2026-01-15T14:30:00.000Z');
  });

  it('follows the change to summer time and back', () => {
    const winter = nextRun('0 9 * * *', 'Europe/Berlin', at('2026-03-28T00:00:00Z'));
    const summer = nextRun('0 9 * * *', 'Europe/Berlin', at('2026-03-29T00:00:00Z'));
    const back = nextRun('0 9 * * *', 'Europe/Berlin', at('2026-10-25T00:00:00Z'));

    expect([iso(winter), iso(summer), iso(back)]).toEqual([
      '2026-03-28T08:00:00.000Z',
      '2026-03-29T07:00:00.000Z',
      '2026-10-25T08:00:00.000Z',
    ]);
  });

  it('fires once for a time that the clocks skip and once for one that they show twice', () => {
    const gap = nextRun('30 2 * * *', 'Europe/Berlin', at('2026-03-28T12:00:00Z'));
    const fold = nextRun('30 2 * * *', 'Europe/Berlin', at('2026-10-24T12:00:00Z'));
    const afterFold = nextRun('30 2 * * *', 'Europe/Berlin', fold ?? 0);

    expect(iso(gap)).toBe('2026-03-29T01:00:00.000Z');
    expect(iso(fold)).toBe('2026-10-25T00:30:00.000Z');
    expect(iso(afterFold)).toBe('2026-10-26T01:30:00.000Z');
  });

  it('knows the short names and says when an expression never fires again', () => {
    expect(iso(nextRun('@daily', 'UTC', at('2026-01-15T12:00:00Z')))).toBe('2026-01-16T00:00:00.000Z');
    expect(nextRun('0 0 31 2 *', 'UTC', at('2026-01-15T12:00:00Z'))).toBeUndefined();
  });

  it('takes five fields only', () => {
    expect(() => nextRun('* * * * * *', 'UTC', 0)).toThrow();
    expect(() => nextRun('99 * * * *', 'UTC', 0)).toThrow();
  });

  it('spreads schedules by a delay that is always the same for one of them', () => {
    const id = '00000000-0000-8000-8000-0123456789ab';
    const schedule = { id, cron: '0 * * * *', timezone: 'UTC', jitterS: 60 };
    const due = nextDue(schedule, at('2026-01-15T12:30:00Z')) ?? 0;

    expect(jitterMs(id, 60)).toBeLessThan(60_000);
    expect(due).toBe(at('2026-01-15T13:00:00Z') + jitterMs(id, 60));
    expect(nextDue(schedule, due)).toBe(due + 3_600_000);
  });
});
