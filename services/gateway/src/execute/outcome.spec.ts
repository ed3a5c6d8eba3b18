import { describe, expect, it } from 'vitest';
import { errorOf } from './outcome.js';

const error = { code: 'E_BOOM', message: 'boom', stack: 'at main.js:1' };
const ended = (
  status: 'failed' | 'timed_out' | 'out_of_memory' | 'cancelled' | 'denied' | 'security_violation',
  more: Partial<typeof error> & { details?: Record<string, unknown> } = {},
) => errorOf({ status, error: { ...error, ...more }, durationMs: 1 }, 5_000);

describe('the problem of an execution that did not succeed', () => {
  it.each([
    ['failed', 422, 'EXECUTION_FAILED'],
    ['timed_out', 504, 'EXECUTION_TIMED_OUT'],
    ['out_of_memory', 507, 'OUT_OF_MEMORY'],
    ['cancelled', 409, 'EXECUTION_CANCELLED'],
    ['denied', 403, 'PERMISSION_DENIED'],
    ['security_violation', 403, 'SECURITY_VIOLATION'],
  ] as const)('of %s is %i %s', (status, http, code) => {
    expect(ended(status)).toMatchObject({ status: http, code });
  });

  it("shows the plugin's own code, message and stack", () => {
    expect(ended('failed').details).toEqual(error);
    expect(ended('failed').message).toBe('The plugin failed: boom');
  });

  it('names the limit that was gone over', () => {
    const details = { limit: 'outputBytes', value: 1_048_576 };

    expect(ended('timed_out').message).toContain('timeoutMs of 5000 ms');
    expect(ended('failed', { code: 'LIMIT_EXCEEDED', details }).message).toContain('outputBytes of 1048576');
    expect(ended('denied', { details: { permission: 'http:request' } }).message).toContain('http:request');
  });

  it('of one that a quarantine stopped says so', () => {
    const details = { reason: 'looks bad' };
    const stopped = ended('denied', { code: 'QUARANTINED', details });

    expect(stopped).toMatchObject({ status: 423, code: 'QUARANTINED' });
    expect(stopped.message).toBe('This version is quarantined: looks bad');
    expect(ended('failed', { code: 'QUARANTINED', details })).toMatchObject({ status: 422 });
  });

  it('does not let a plugin pretend to be the platform', () => {
    expect(ended('failed', { code: 'UNAUTHENTICATED' })).toMatchObject({ status: 422 });
  });

  it('is what the executor refused with', () => {
    const refusal = { code: 'NO_CAPACITY' as const };

    expect(errorOf({ status: 'refused', refusal }, 5_000)).toMatchObject({ status: 503 });
  });
});
