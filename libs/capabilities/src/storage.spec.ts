import { describe, expect, it } from 'vitest';
import { bench } from './bench.contract.js';

describe('storage', () => {
  it('gives back what was set, null for what was not', async () => {
    const { call } = bench();

    await call('storage.set', { key: 'a', value: { n: 1 } });

    expect(await call('storage.get', { key: 'a' })).toEqual({ n: 1 });
    expect(await call('storage.get', { key: 'b' })).toBeNull();
  });

  it('forgets a value after its time to live', async () => {
    const { call, clock } = bench();
    await call('storage.set', { key: 'a', value: 1, ttlMs: 500 });

    clock.at += 500;

    expect(await call('storage.get', { key: 'a' })).toBeNull();
  });

  it('says whether there was something to delete', async () => {
    const { call } = bench();
    await call('storage.set', { key: 'a', value: 1 });

    expect([await call('storage.delete', { key: 'a' }), await call('storage.delete', { key: 'a' })]).toEqual([
      true,
      false,
    ]);
  });

  it('lists keys of a prefix in order, page by page', async () => {
    const { call } = bench();
    for (const key of ['u:3', 'u:1', 'x', 'u:2']) await call('storage.set', { key, value: 1 });

    const first = await call('storage.list', { prefix: 'u:', limit: 2 });
    const second = await call('storage.list', { prefix: 'u:', limit: 2, cursor: 'u:2' });

    expect(first).toEqual({ keys: ['u:1', 'u:2'], cursor: 'u:2' });
    expect(second).toEqual({ keys: ['u:3'], cursor: null });
  });

  it('keeps __proto__ as a plain key and drops it inside values', async () => {
    const { call } = bench();

    await call('storage.set', { key: '__proto__', value: { polluted: true } });

    expect(await call('storage.get', { key: '__proto__' })).toEqual({ polluted: true });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([[''], ['x'.repeat(513)], ['a\u0000b'], ['\ud800'], [5], [null]])(
    'refuses the key %j',
    async (key) => {
      await expect(bench().call('storage.get', { key })).rejects.toMatchObject({
        guest: { code: 'INVALID_REQUEST' },
      });
    },
  );

  it('refuses a value over 64 KB and one that goes over the quota', async () => {
    const { call, limits } = bench({}, { storageMb: 0.1 });
    const set = (key: string, length: number) => call('storage.set', { key, value: 'x'.repeat(length) });

    await expect(set('a', 70_000)).rejects.toMatchObject({ guest: { code: 'LIMIT_EXCEEDED' } });
    await set('a', 60_000);
    await expect(set('b', 60_000)).rejects.toMatchObject({
      guest: { details: { limit: 'storageMb', value: 0.1 } },
    });
    await set('a', 60_001);

    expect(limits.length).toBe(2);
  });
});
