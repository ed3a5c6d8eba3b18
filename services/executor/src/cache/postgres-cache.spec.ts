import { Database } from '@mortise/database';
import { createLogger, newId } from '@mortise/service-kit';
import { FakeClock, testDatabase, type TestDatabase } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrations } from '../migrations.js';
import { PostgresCache } from './postgres-cache.js';

describe('the cache of installations', () => {
  const clock = new FakeClock();
  const tenant = newId();
  let database: TestDatabase;
  let db: Database;
  /** Two executors: what one wrote the other reads from the database. */
  let here: PostgresCache;
  let there: PostgresCache;
  const set = (id: string, key: string, value: string, ttlMs = 60_000, quotaBytes = 10_000) =>
    here.set(tenant, id, key, value, { expiresAt: clock.now() + ttlMs, quotaBytes });
  const rows = async (id: string) =>
    Number(
      (
        await db.tx(tenant, (tx) =>
          tx.query<{ n: string }[]>('select count(*) n from cache_entries where installation_id = $1', [id]),
        )
      )[0]?.n,
    );

  beforeAll(async () => {
    database = await testDatabase([migrations]);
    const logger = createLogger({ service: 'executor', level: 'silent' });
    db = await Database.connect({ url: database.url, service: 'executor', logger });
    here = new PostgresCache(db, clock);
    there = new PostgresCache(db, clock);
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });

  it('is shared by all executors, and seen by its own installation only', async () => {
    const id = newId();

    await set(id, 'a', '{"n":1}');

    expect(await there.get(tenant, id, 'a')).toBe('{"n":1}');
    expect(await there.get(tenant, newId(), 'a')).toBeUndefined();
    expect(await there.get(newId(), id, 'a')).toBeUndefined();
  });

  it('keeps what JSON can hold', async () => {
    const id = newId();
    const value = JSON.stringify({ '\u0000': 'half \ud800', deep: 1e308 });

    await set(id, 'a', value);

    expect(await there.get(tenant, id, 'a')).toBe(value);
  });

  it('forgets what has expired, also in memory', async () => {
    const id = newId();
    await set(id, 'a', '1', 1_000);

    clock.advance(1_001);

    expect([await here.get(tenant, id, 'a'), await there.get(tenant, id, 'a')]).toEqual([
      undefined,
      undefined,
    ]);
    expect(await here.delete(tenant, id, 'a')).toBe(false);
    await here.sweep();
    expect(await rows(id)).toBe(0);
  });

  it('answers from memory, at most a second behind the others', async () => {
    const id = newId();
    await set(id, 'a', '1');
    await there.get(tenant, id, 'a');

    const gone = await here.delete(tenant, id, 'a');

    expect(gone).toBe(true);
    expect(await here.get(tenant, id, 'a')).toBeUndefined();
    await expect.poll(() => there.get(tenant, id, 'a'), { timeout: 3_000 }).toBeUndefined();
  });

  it('makes room by forgetting what was written first', async () => {
    const id = newId();
    for (let n = 0; n < 30; n++) {
      clock.advance(1);
      await set(id, `k${n}`, JSON.stringify('x'.repeat(1_000)));
    }

    // An eighth of the quota more may have been written since it was looked at.
    expect(await rows(id)).toBeLessThanOrEqual(10);
    expect(await there.get(tenant, id, 'k0')).toBeUndefined();
    expect(await there.get(tenant, id, 'k29')).toBeDefined();
  });

  it('goes with its installation', async () => {
    const id = newId();
    await set(id, 'a', '1');

    await here.drop(tenant, id);

    expect(await here.get(tenant, id, 'a')).toBeUndefined();
  });

  it('is empty while the database does not answer, and fails nobody', async () => {
    const starting = Object.assign(new Error('the system is starting up'), { code: '57P03' });
    const cache = new PostgresCache({ tx: () => Promise.reject(starting) } as unknown as Database, clock);

    await cache.set(tenant, newId(), 'a', '1', { expiresAt: clock.now() + 1_000, quotaBytes: 1_000 });

    expect(await cache.get(tenant, newId(), 'b')).toBeUndefined();
    expect(await cache.delete(tenant, newId(), 'b')).toBe(false);
  });
});
