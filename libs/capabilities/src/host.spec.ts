import { describe, expect, it } from 'vitest';
import { bench } from './bench.contract.js';
import { authorise } from './capability.js';

const granted = (expiresAt?: string) => ({
  requested: ['http:request'],
  grants: [{ permission: 'http:request', ...(expiresAt && { expiresAt }) }],
});

describe('calls', () => {
  it('are refused when ctx has no such op', async () => {
    for (const op of ['constructor', '__proto__', 'storage.drop', '']) {
      await expect(bench().call(op, {})).rejects.toMatchObject({ guest: { code: 'NOT_SUPPORTED_YET' } });
    }
  });

  it('are refused when their arguments are not an object', async () => {
    for (const args of [[], 1, null, 'x']) {
      await expect(bench().call('storage.get', args)).rejects.toMatchObject({
        guest: { code: 'INVALID_REQUEST' },
      });
    }
  });

  it('are counted and limited', async () => {
    const { call, scope, limits } = bench({}, { hostCalls: 2 });
    await call('config.get', {});
    await call('config.get', {});

    await expect(call('config.get', {})).rejects.toMatchObject({ guest: { code: 'LIMIT_EXCEEDED' } });

    expect(scope.meter.hostCalls).toBe(3);
    expect(limits).toEqual(['hostCalls 2 3']);
  });
});

describe('authorisation', () => {
  it('lets implicit permissions through without a grant', () => {
    expect(() => authorise(bench().scope, 'storage:read', 0)).not.toThrow();
  });

  it('ends the execution for a permission the manifest never asked for', () => {
    const { scope, denied } = bench();

    expect(() => authorise(scope, 'http:request', 0)).toThrow(
      expect.objectContaining({ outcome: 'security_violation' }) as Error,
    );
    expect(denied).toEqual(['security_violation http:request']);
  });

  it('denies what was asked for and not granted, or no longer', () => {
    const now = Date.parse('2030-01-01T00:00:00Z');
    const asked = bench({ requested: ['http:request'] });
    const expired = bench(granted('2029-12-31T00:00:00Z'));
    const good = bench(granted('2030-01-02T00:00:00Z'));

    for (const { scope } of [asked, expired]) {
      expect(() => authorise(scope, 'http:request', now)).toThrow(
        expect.objectContaining({
          guest: expect.objectContaining({ code: 'PERMISSION_DENIED' }) as unknown,
        }) as Error,
      );
    }
    expect(() => authorise(good.scope, 'http:request', now)).not.toThrow();
  });
});
