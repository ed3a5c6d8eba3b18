import { Redactor } from '@mortise/capabilities';
import { describe, expect, it } from 'vitest';
import { conclude } from './conclude.js';

const redactor = new Redactor();
redactor.add('hunter2');

describe('the conclusion of a run', () => {
  it('masks the secrets it read in result and error', () => {
    const good = conclude({ status: 'succeeded', result: '{"token":"hunter2"}' }, undefined, redactor);
    const bad = conclude(
      { status: 'failed', error: { code: 'X', message: 'no hunter2', details: { hunter2: ['hunter2'] } } },
      undefined,
      redactor,
    );

    expect(good.result).toBe('{"token":"***"}');
    expect(bad.error).toEqual({ code: 'X', message: 'no ***', details: { '***': ['***'] } });
  });

  it('is what the platform decided when it ended the run', () => {
    const failed = { status: 'failed' as const, error: { code: 'KILLED', message: 'killed' } };

    expect(conclude(failed, { reason: 'cancelled' }, redactor)).toMatchObject({
      status: 'cancelled',
      error: { code: 'EXECUTION_CANCELLED' },
    });
    expect(conclude(failed, { reason: 'quarantined', text: 'mines coins' }, redactor)).toMatchObject({
      status: 'denied',
      error: { code: 'QUARANTINED', details: { reason: 'mines coins' } },
    });
  });

  it('says how a limit is raised that the run went over, and nothing of what is no limit', () => {
    const concluded = (details: Record<string, unknown>) =>
      conclude({ status: 'failed', error: { code: 'X', message: '', details } }, undefined, redactor).error
        ?.details;

    expect(concluded({ limit: 'hostCalls', value: 1, used: 2 })).toEqual({
      limit: 'hostCalls',
      value: 1,
      used: 2,
      raise: 'Set limits.hostCalls in the manifest or of the installation: up to 10000',
    });
    expect(concluded({ limit: 'timeoutMs' })?.['raise']).toContain('up to 30000 for calls');
    expect(concluded({ limit: 'argumentBytes' })).toEqual({ limit: 'argumentBytes' });
    expect(concluded({ limit: 'constructor' })).toEqual({ limit: 'constructor' });
  });

  it('stays succeeded when the kill came too late', () => {
    expect(conclude({ status: 'succeeded', result: '1' }, { reason: 'cancelled' }, redactor).status).toBe(
      'succeeded',
    );
  });

  it('holds only text that every store can keep', () => {
    const error = { code: 'X', message: 'a\0b\ud800' };

    expect(conclude({ status: 'failed', error }, undefined, redactor).error?.message).toBe('a\ufffdb\ufffd');
  });
});
