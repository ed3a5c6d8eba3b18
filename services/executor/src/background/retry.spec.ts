import { describe, expect, it } from 'vitest';
import { installation } from '@mortise/testing';
import { nextAttemptIn, retryRule } from './retry.js';

describe('plugin retries', () => {
  it('wait as the rule says', () => {
    const waits = (backoff: 'none' | 'fixed' | 'linear' | 'exponential') =>
      [1, 2, 3, 4].map((attempt) =>
        nextAttemptIn({ maxAttempts: 9, backoff, initialMs: 100, maxMs: 350 }, 'failed', attempt, () => 0),
      );

    expect(waits('none')).toEqual([0, 0, 0, 0]);
    expect(waits('fixed')).toEqual([100, 100, 100, 100]);
    expect(waits('linear')).toEqual([100, 200, 300, 350]);
    expect(waits('exponential')).toEqual([100, 200, 350, 350]);
  });

  it('are spread when they grow, and never later than the rule says', () => {
    const rule = { maxAttempts: 9, backoff: 'exponential' as const, initialMs: 1_000 };

    expect(nextAttemptIn(rule, 'failed', 2, () => 0)).toBe(2_000);
    expect(nextAttemptIn(rule, 'failed', 2, () => 1)).toBe(1_600);
  });

  it('end with the last attempt and never follow what cannot go better', () => {
    const rule = { maxAttempts: 2, backoff: 'none' as const };

    expect(nextAttemptIn(rule, 'timed_out', 1)).toBe(0);
    expect(nextAttemptIn(rule, 'failed', 2)).toBeUndefined();
    expect(nextAttemptIn(rule, 'denied', 1)).toBeUndefined();
    expect(nextAttemptIn(rule, 'cancelled', 1)).toBeUndefined();
    expect(nextAttemptIn(undefined, 'failed', 1)).toBeUndefined();
  });

  it("follow the event's or job's own rule before the function's", () => {
    const state = installation({
      functions: { run: { retry: { maxAttempts: 2 } } },
      events: [{ on: ['order.*'], function: 'run', retry: { maxAttempts: 5 } }],
      jobs: [{ name: 'nightly', schedule: '0 3 * * *', function: 'run', retry: { maxAttempts: 7 } }],
    });
    const ruleOf = (trigger: 'call' | 'event' | 'job', triggerName?: string) =>
      retryRule(state, { trigger, triggerName, function: 'run' })?.maxAttempts;

    expect(ruleOf('event', 'order.created')).toBe(5);
    expect(ruleOf('event', 'user.created')).toBe(2);
    expect(ruleOf('job', 'nightly')).toBe(7);
    expect(ruleOf('call')).toBe(2);
  });
});
