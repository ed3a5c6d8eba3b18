import { describe, expect, it } from 'vitest';
import { olderAnswer } from './older-answer.js';

const succeeded = (result: unknown) =>
  olderAnswer('e1', { status: 'succeeded', result: JSON.stringify(result), durationMs: 7 });
const ended = (status: 'failed' | 'timed_out' | 'security_violation' | 'out_of_memory') =>
  olderAnswer('e1', { status, error: { code: 'X', message: 'm', stack: 's' }, durationMs: 7 });

describe('the older answer shape', () => {
  it('carries the result and the time in milliseconds', () => {
    expect(succeeded({ a: 1 })).toEqual({
      status: 'success',
      result: { a: 1 },
      execution_time_ms: 7,
      execution_id: 'e1',
    });
  });

  it('unwraps what the oldest plugins answer', () => {
    expect(succeeded({ success: true, result: 6 })).toMatchObject({ status: 'success', result: 6 });
    expect(succeeded({ success: false, error: 'no numbers' })).toMatchObject({
      status: 'error',
      result: null,
      error: 'no numbers',
    });
  });

  it('leaves results alone that only look like it', () => {
    const result = { success: true, result: 1, total: 2 };

    expect(succeeded(result)).toMatchObject({ status: 'success', result });
    expect(succeeded({ success: 'yes' })).toMatchObject({ result: { success: 'yes' } });
  });

  it('says how an execution failed in the words of its time, without the stack', () => {
    expect(ended('failed')).toMatchObject({ status: 'error', error: { code: 'X', message: 'm' } });
    expect(ended('timed_out').status).toBe('timeout');
    expect(ended('security_violation').status).toBe('security_violation');
    expect(ended('out_of_memory').status).toBe('error');
    expect(JSON.stringify(ended('failed'))).not.toContain('stack');
  });
});
