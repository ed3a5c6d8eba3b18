import { describe, expect, it } from 'vitest';
import { bench } from './bench.contract.js';

describe('secrets.get', () => {
  it('gives a declared secret, null while it is not set', async () => {
    const { call, secrets } = bench({ secretKeys: ['A', 'B'] });
    secrets.set('A', 'value');

    expect([await call('secrets.get', { key: 'A' }), await call('secrets.get', { key: 'B' })]).toEqual([
      'value',
      null,
    ]);
  });

  it('ends the execution for a key the manifest does not declare', async () => {
    const { call, secrets, denied } = bench({ secretKeys: ['A'] });
    secrets.set('OTHER', 'value');

    await expect(call('secrets.get', { key: 'OTHER' })).rejects.toMatchObject({
      outcome: 'security_violation',
    });

    expect(denied).toEqual(['security_violation secrets:read OTHER']);
  });
});
