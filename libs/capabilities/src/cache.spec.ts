import { describe, expect, it } from 'vitest';
import { bench } from './bench.contract.js';

describe('the cache', () => {
  it('gives back what was set, null for what was not', async () => {
    const { call } = bench();

    await call('cache.set', { key: 'a', value: { n: 1 } });

    expect(await call('cache.get', { key: 'a' })).toEqual({ n: 1 });
    expect(await call('cache.get', { key: 'b' })).toBeNull();
  });

  it('forgets after the time to live, an hour unless told', async () => {
    const { call, clock } = bench();
    await call('cache.set', { key: 'short', value: 1, ttlMs: 500 });
    await call('cache.set', { key: 'long', value: 1 });

    clock.at += 500;
    const first = [await call('cache.get', { key: 'short' }), await call('cache.get', { key: 'long' })];
    clock.at += 3_600_000;

    expect(first).toEqual([null, 1]);
    expect(await call('cache.get', { key: 'long' })).toBeNull();
  });

  it('says whether there was something to delete', async () => {
    const { call } = bench();
    await call('cache.set', { key: 'a', value: 1 });

    expect([await call('cache.delete', { key: 'a' }), await call('cache.delete', { key: 'a' })]).toEqual([
      true,
      false,
    ]);
  });

  it('makes room by forgetting what was written first', async () => {
    const { call } = bench();
    for (let n = 0; n < 80; n++) await call('cache.set', { key: `k${n}`, value: 'x'.repeat(60_000) });

    expect(await call('cache.get', { key: 'k0' })).toBeNull();
    expect(await call('cache.get', { key: 'k79' })).not.toBeNull();
  });

  it('refuses values over 64 KB, odd keys and long times', async () => {
    const { call, limits } = bench();

    await expect(call('cache.set', { key: 'a', value: 'x'.repeat(65_536) })).rejects.toMatchObject({
      guest: { code: 'LIMIT_EXCEEDED' },
    });
    for (const args of [
      { key: '', value: 1 },
      { key: 'a\0', value: 1 },
      { key: '\ud800', value: 1 },
      { key: 'a', value: 1, ttlMs: 86_400_001 },
    ])
      await expect(call('cache.set', args)).rejects.toMatchObject({ guest: { code: 'INVALID_REQUEST' } });
    expect(limits).toEqual(['cacheValueBytes 65536 65538']);
  });
});
