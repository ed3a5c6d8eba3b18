import { describe, expect, it } from 'vitest';
import { DeferralSchedule } from './deferral-schedule.js';

const start = Date.parse('2030-01-01T00:00:00Z');

describe('what a tenant has too much of', () => {
  it('comes back one after the other, on full quarters of a second and not before half of one has passed', () => {
    const schedule = new DeferralSchedule(100);

    const due = Array.from({ length: 500 }, () => schedule.next('a', start));

    expect(due[0]).toBe(start + 500);
    expect(due.every((at) => at % 250 === 0)).toBe(true);
    expect(due.toSorted((a, b) => a - b)).toEqual(due);
    expect(due.at(-1)).toBe(start + 4_500);
  });

  it('comes back about as fast as the tenant is served', () => {
    const schedule = new DeferralSchedule(100);
    let now = start;
    for (let second = 0; second < 10; second++) {
      for (let n = 0; n < 1_000; n++) schedule.served('a', 7, (now += 1));
      if (second === 0) schedule.next('a', now);
    }

    const due = Array.from({ length: 10_000 }, () => schedule.next('a', now));

    expect(due.at(-1)).toBeGreaterThan(now + 7_000);
    expect(due.at(-1)).toBeLessThan(now + 11_000);
  });

  it('comes back faster when the tenant ran out of work', () => {
    const schedule = new DeferralSchedule(100);
    schedule.next('a', start);
    for (let n = 1; n <= 100; n++) schedule.served('a', 0, start + n * 10);

    const due = Array.from({ length: 500 }, () => schedule.next('a', start + 1_000));

    expect(due.at(-1)).toBeLessThanOrEqual(start + 4_000);
  });

  it('is never put off for longer than ten minutes, nor does one tenant put off another', () => {
    const schedule = new DeferralSchedule(20);
    for (let n = 0; n < 100_000; n++) schedule.next('a', start);

    expect(schedule.next('a', start)).toBeLessThanOrEqual(start + 601_000);
    expect(schedule.next('b', start)).toBe(start + 500);
  });

  it('is forgotten when it is over, so that many tenants fill no memory', () => {
    const schedule = new DeferralSchedule(100);
    for (let n = 0; n < 5_000; n++) schedule.next(`t${n}`, start + n * 10);

    expect(schedule.size).toBeLessThan(1_100);
  });
});
