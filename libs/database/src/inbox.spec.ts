import { createLogger, newId } from '@mortise/service-kit';
import { testDatabase, type TestDatabase } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantA, tenantB } from '../test/migrations.js';
import { Database } from './database.js';
import { Inbox, type InboxEvent } from './inbox.js';

const inbox = new Inbox();
let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await testDatabase([]);
  db = await Database.connect({
    url: database.url,
    service: 'scheduler',
    logger: createLogger({ service: 'scheduler', level: 'silent' }),
  });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const event = (changes: Partial<InboxEvent> = {}): InboxEvent => ({
  tenantId: tenantA,
  source: '/shop/orders',
  id: newId(),
  acceptedAt: '2026-03-10T10:00:00.000Z',
  ...changes,
});
const ask = (e: InboxEvent, consumer = 'match') => db.system((tx) => inbox.firstTime(tx, consumer, e));

describe('inbox', () => {
  it('says first once, and gives a repeat the time of the first', async () => {
    const first = event();
    const repeat = { ...first, acceptedAt: '2026-03-10T18:30:00.000Z' };

    expect(await ask(first)).toEqual({ first: true, acceptedAt: first.acceptedAt });
    expect(await ask(repeat)).toEqual({ first: false, acceptedAt: first.acceptedAt });
  });

  it('knows a repeat on the other side of midnight, whichever came first', async () => {
    const [evening, morning] = ['2026-03-10T23:59:59.900Z', '2026-03-11T00:00:00.100Z'] as const;
    const [one, two] = [event({ acceptedAt: evening }), event({ acceptedAt: morning })];
    await ask(one);
    await ask(two);

    expect(await ask({ ...one, acceptedAt: morning })).toEqual({ first: false, acceptedAt: evening });
    expect(await ask({ ...two, acceptedAt: evening })).toEqual({ first: false, acceptedAt: morning });
  });

  it('takes a repeat two days later for a new event', async () => {
    const first = event();
    await ask(first);
    const later = { ...first, acceptedAt: '2026-03-12T10:00:00.000Z' };

    expect(await ask(later)).toEqual({ first: true, acceptedAt: later.acceptedAt });
  });

  it('reads no more than it is asked for of a day that has no statistics yet', async () => {
    const many = Array.from({ length: 20_000 }, () => event());
    for (let from = 0; from < many.length; from += 5_000)
      await db.system((tx) => inbox.firstTimeMany(tx, 'large', many.slice(from, from + 5_000)));

    const read = await db.system(async (tx) => {
      await inbox.firstTimeMany(tx, 'large', [
        ...many.slice(0, 250),
        ...many.slice(0, 250).map(() => event()),
      ]);
      const [rows] = await tx.query<{ read: number }[]>(
        `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables
         where relname like 'inbox%'`,
      );
      return rows?.read;
    });

    expect(read).toBeGreaterThanOrEqual(250);
    expect(read).toBeLessThan(2_000);
  });

  it('tells events apart by tenant, source and id, and consumers from one another', async () => {
    const base = event({ id: 'same' });
    const all = [
      await ask(base),
      await ask({ ...base, tenantId: tenantB }),
      await ask({ ...base, source: '/shop/refunds' }),
      await ask({ ...base, id: 'other' }),
      await ask(base, 'project'),
    ];

    expect(all.map(({ first }) => first)).toEqual([true, true, true, true, true]);
  });

  it('forgets what a rolled back transaction has asked', async () => {
    const one = event();
    await expect(
      db.system(async (tx) => {
        await inbox.firstTime(tx, 'match', one);
        throw new Error('the effect failed');
      }),
    ).rejects.toThrow('the effect failed');

    expect((await ask(one)).first).toBe(true);
  });

  it('answers a batch in its order: new ones, known ones and repeats within it', async () => {
    const [known, fresh, other] = [event(), event(), event({ tenantId: tenantB })];
    await ask(known);
    const again = { ...fresh, acceptedAt: '2026-03-10T11:00:00.000Z' };
    const batch = [fresh, { ...known, acceptedAt: '2026-03-11T09:00:00.000Z' }, other, again];
    const answers = await db.system((tx) => inbox.firstTimeMany(tx, 'match', batch));

    expect(answers).toEqual([
      { first: true, acceptedAt: fresh.acceptedAt },
      { first: false, acceptedAt: known.acceptedAt },
      { first: true, acceptedAt: other.acceptedAt },
      { first: false, acceptedAt: fresh.acceptedAt },
    ]);
    expect(await db.system((tx) => inbox.firstTimeMany(tx, 'match', []))).toEqual([]);
  });

  it('lets exactly one of many transactions at once be first', async () => {
    const one = event();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(one)));

    expect(answers.filter(({ first }) => first)).toHaveLength(1);
    expect(new Set(answers.map(({ acceptedAt }) => acceptedAt))).toEqual(new Set([one.acceptedAt]));
  });

  it("works in a tenant's own transaction", async () => {
    const one = event();

    expect((await db.tx(tenantA, (tx) => inbox.firstTime(tx, 'match', one))).first).toBe(true);
    expect((await db.tx(tenantA, (tx) => inbox.firstTime(tx, 'match', one))).first).toBe(false);
  });

  it('keeps ids and sources of any length and content apart', async () => {
    const long = 'x'.repeat(100_000);
    const all = [
      event({ id: `${long}1` }),
      event({ id: `${long}2` }),
      event({ source: long }),
      event({ id: 'a\0b' }),
    ];

    for (const one of all) expect((await ask(one)).first).toBe(true);
    for (const one of all) expect((await ask(one)).first).toBe(false);
  });
});
