import { Database } from '@mortise/database';
import type { InstallationStateData } from '@mortise/contracts';
import { createLogger, newId } from '@mortise/service-kit';
import { FakeClock, testDatabase, type TestDatabase, installation } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresCache } from '../cache/postgres-cache.js';
import { migrations } from '../migrations.js';
import { PostgresStorage } from './postgres-storage.js';
import { StorageLife } from './storage-life.js';

const day = 86_400_000;
const quotaBytes = 100;

describe('storage of installations', () => {
  const clock = new FakeClock();
  const tenant = newId();
  const states = new Map<string, InstallationStateData>();
  let database: TestDatabase;
  let db: Database;
  let storage: PostgresStorage;
  let life: StorageLife;
  const set = (id: string, key: string, value: unknown, expiresAt: number | null = null) =>
    storage.set(tenant, id, key, JSON.stringify(value), { expiresAt, quotaBytes });
  const usage = async (id: string) =>
    Number(
      (
        await db.tx(tenant, (tx) =>
          tx.query<{ bytes: string }[]>('select bytes from storage_usage where installation_id = $1', [id]),
        )
      )[0]?.bytes ?? 0,
    );

  beforeAll(async () => {
    database = await testDatabase([migrations]);
    const logger = createLogger({ service: 'executor', level: 'silent' });
    db = await Database.connect({ url: database.url, service: 'executor', logger });
    storage = new PostgresStorage(db, clock);
    const installations = states as unknown as ConstructorParameters<typeof StorageLife>[3]['installations'];
    life = new StorageLife(db, storage, new PostgresCache(db, clock), { installations }, clock, logger);
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });

  it('waits for a database that restarts, and for nothing else', async () => {
    const id = newId();
    await set(id, 'k', 1);
    const failing = (error: Error) => {
      let tries = 0;
      const tx: Database['tx'] = (tenantId, work) =>
        ++tries < 3 ? Promise.reject(error) : db.tx(tenantId, work);
      return new PostgresStorage({ tx } as Database, clock).get(tenant, id, 'k');
    };

    expect(await failing(Object.assign(new Error('the system is starting up'), { code: '57P03' }))).toBe('1');
    await expect(failing(new Error('syntax error'))).rejects.toThrow('syntax error');
  });

  it('gives back what was put, to its own installation and tenant only', async () => {
    const id = newId();

    await set(id, 'a', { n: 1, text: 'é\0' });

    expect(JSON.parse((await storage.get(tenant, id, 'a')) ?? '')).toEqual({ n: 1, text: 'é\0' });
    expect(await storage.get(tenant, newId(), 'a')).toBeUndefined();
    expect(await storage.get(newId(), id, 'a')).toBeUndefined();
  });

  it('counts replaced and removed entries once', async () => {
    const id = newId();

    await set(id, 'k', 'x'.repeat(50));
    await set(id, 'k', 'x'.repeat(10));
    const one = await usage(id);
    const removed = [await storage.delete(tenant, id, 'k'), await storage.delete(tenant, id, 'k')];

    expect(one).toBe(1 + 12);
    expect(removed).toEqual([true, false]);
    expect(await usage(id)).toBe(0);
  });

  it('refuses what goes over the quota and changes nothing', async () => {
    const id = newId();
    await set(id, 'a', 'x'.repeat(60));

    const refused = await set(id, 'b', 'x'.repeat(60));

    expect(refused).toEqual({ ok: false, usedBytes: 126 });
    expect(await storage.get(tenant, id, 'b')).toBeUndefined();
  });

  it('holds the quota against writers at the same time', async () => {
    const id = newId();

    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => set(id, `k${n}`, 'x'.repeat(30))));

    expect(answers.filter((answer) => answer.ok)).toHaveLength(2);
    expect(await usage(id)).toBeLessThanOrEqual(quotaBytes);
  });

  it('hides entries once they expire and gives their room back', async () => {
    const id = newId();
    await set(id, 'short', 'x'.repeat(80), clock.now() + 1_000);

    clock.advance(1_001);

    expect(await storage.get(tenant, id, 'short')).toBeUndefined();
    expect(await storage.list(tenant, id, { prefix: '', after: null, limit: 10 })).toEqual([]);
    expect(await set(id, 'next', 'x'.repeat(80))).toEqual({ ok: true });
  });

  it('lists keys by prefix in code point order, page by page', async () => {
    const id = newId();
    for (const key of ['b/2', 'a/1', 'a/%', 'a/\u{1F600}', 'a', 'a/2']) await set(id, key, 1);

    const first = await storage.list(tenant, id, { prefix: 'a/', after: null, limit: 2 });
    const rest = await storage.list(tenant, id, { prefix: 'a/', after: first[1] ?? '', limit: 9 });

    expect(first).toEqual(['a/%', 'a/1']);
    expect(rest).toEqual(['a/2', 'a/\u{1F600}']);
  });

  it('sweeps what has expired', async () => {
    const id = newId();
    await set(id, 'a', 'x', clock.now() + 1_000);
    await set(id, 'b', 'x');
    clock.advance(1_001);

    await life.sweep();

    expect(await usage(id)).toBe(4);
  });

  it('goes with its installation, or 30 days after it when kept', async () => {
    const [gone, kept] = [newId(), newId()];
    await set(gone, 'a', 1);
    await set(kept, 'a', 1);

    await life.uninstalled(tenant, gone, false);
    await life.uninstalled(tenant, kept, true);
    clock.advance(29 * day);
    await life.sweep();
    const before = [await storage.get(tenant, gone, 'a'), await storage.get(tenant, kept, 'a')];
    clock.advance(2 * day);
    await life.sweep();

    expect(before).toEqual([undefined, '1']);
    expect(await storage.get(tenant, kept, 'a')).toBeUndefined();
  });

  it('stays when the installation came back', async () => {
    const back = installation({ tenantId: tenant });
    await set(back.installationId, 'a', 1);
    await life.uninstalled(tenant, back.installationId, true);
    states.set(back.installationId, back);
    clock.advance(31 * day);

    await life.sweep();

    expect(await storage.get(tenant, back.installationId, 'a')).toBe('1');
  });
});
