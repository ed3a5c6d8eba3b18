import { describe, expect, it } from 'vitest';
import { effectiveLimits, howToRaise, limitKeeping, limitTable, timeoutTable } from './limits.js';

describe('limits', () => {
  it('are what was asked for, and never more than the tenant may have', () => {
    const asked = effectiveLimits({ memoryMb: 64, events: 1_000_000, timeoutMs: 90_000 }, 'call');

    expect(asked.memoryMb).toBe(64);
    expect(asked.events).toBe(limitTable.events.tenantMax);
    expect(asked.timeoutMs).toBe(timeoutTable.call.tenantMax);
    expect(asked.cpuMs).toBe(asked.timeoutMs);
    expect(effectiveLimits({ timeoutMs: 90_000, cpuMs: 100_000 }, 'task')).toMatchObject({
      timeoutMs: 90_000,
      cpuMs: 90_000,
    });
  });

  it('each say what keeps them and how they are raised', () => {
    const names = Object.keys(effectiveLimits({}, 'call')).sort();

    expect(Object.keys(limitKeeping).sort()).toEqual(names);
    for (const name of names)
      expect(howToRaise(name)).toMatch(new RegExp(`^Set limits.${name} .* up to \\d+`));
    expect(howToRaise('toString')).toBeUndefined();
  });
});
