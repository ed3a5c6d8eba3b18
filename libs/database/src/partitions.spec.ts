import { createLogger, newId } from '@mortise/service-kit';
import { FakeClock, testDatabase, type TestDatabase } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tenantA, tenantB, testMigrations } from '../test/migrations.js';
import { catalogueProblems } from './catalogue.js';
import { Database } from './database.js';
import { Partitions, type Grain } from './partitions.js';

let database: TestDatabase;
let db: Database;
beforeEach(async () => {
  database = await testDatabase(testMigrations);
  db = await Database.connect({
    url: database.url,
    service: 'registry',
    logger: createLogger({ service: 'registry', level: 'silent' }),
  });
});
afterEach(async () => {
  await db.close();
  await database.drop();
});

const at = (time: string) => Date.parse(time);
const ensure = (grain: Grain, ahead: number, time: string) =>
  db.system((tx) => Partitions.ensure(tx, 'runs', grain, ahead, at(time)));
const insert = (tenantId: string, time: string) =>
  db.tx(tenantId, (tx) => tx.query('insert into runs values ($1, $2, $3)', [tenantId, newId(), time]));
/** Partition -> number of rows, of those that have some. */
async function filled(): Promise<Record<string, number>> {
  const rows = await db.system((tx) =>
    tx.query<{ name: string; count: number }[]>(
      `select tableoid::regclass::text as name, count(*)::int as count from runs group by 1 order by 1`,
    ),
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

describe('partitions', () => {
  it.each([
    ['day', ['runs_p20300228', 'runs_p20300301']],
    ['week', ['runs_p20300225', 'runs_p20300304']],
    ['month', ['runs_p20300201', 'runs_p20300301']],
  ] as const)('are made by the %s, this one and those ahead, once', async (grain, names) => {
    expect(await ensure(grain, 1, '2030-02-28T23:59:59Z')).toEqual(names);
    expect(await ensure(grain, 1, '2030-02-28T23:59:59Z')).toEqual([]);
  });

  it('take the rows of their time; the default one takes the rest', async () => {
    await ensure('day', 1, '2030-05-01T12:00:00Z');
    await insert(tenantA, '2030-05-01T23:59:59.999Z');
    await insert(tenantA, '2030-05-02T00:00:00Z');
    await insert(tenantA, '2031-01-01T00:00:00Z');

    expect(await filled()).toEqual({ runs_p20300501: 1, runs_p20300502: 1, runs_default: 1 });
  });

  it('get the rows of every tenant that the default one caught before they were made', async () => {
    await insert(tenantA, '2031-01-01T08:00:00Z');
    await insert(tenantB, '2031-01-01T09:00:00Z');
    await insert(tenantB, '2031-01-02T09:00:00Z');
    await ensure('day', 0, '2031-01-01T12:00:00Z');

    expect(await filled()).toEqual({ runs_default: 1, runs_p20310101: 2 });
  });

  it('are as closed as their table', async () => {
    await insert(tenantA, '2031-01-01T08:00:00Z');
    await ensure('day', 3, '2031-01-01T12:00:00Z');

    expect(await catalogueProblems(database.url)).toEqual([]);
    expect(await db.tx(tenantB, (tx) => tx.query('select * from runs'))).toEqual([]);
    await expect(db.tx(tenantB, (tx) => tx.query('select * from runs_p20310101'))).rejects.toThrow(
      'permission denied',
    );
  });

  it('are dropped when nothing younger is in them, with what the default one still has of that age', async () => {
    await ensure('day', 2, '2030-05-01T12:00:00Z');
    for (const day of ['2029-01-01', '2030-05-01', '2030-05-02', '2030-05-03'])
      await insert(tenantA, `${day}T10:00:00Z`);
    const dropped = await db.system((tx) => Partitions.dropOlderThan(tx, 'runs', at('2030-05-02T12:00:00Z')));

    expect(dropped).toContain('runs_p20300501');
    expect(dropped).not.toContain('runs_p20300502');
    expect(await filled()).toEqual({ runs_p20300502: 1, runs_p20300503: 1 });
  });

  it("cannot be changed by another service's role or by a tenant's", async () => {
    const call = `select mortise.drop_partitions('scheduler.inbox'::regclass, now())`;

    await expect(db.system((tx) => tx.query(call))).rejects.toThrow(/permission denied|may not change/);
    await expect(
      db.tx(tenantA, (tx) => tx.query(`select mortise.ensure_partitions('runs'::regclass, 'day', 1)`)),
    ).rejects.toThrow('permission denied');
  });

  it('can be asked for by several processes at once', async () => {
    const made = await Promise.all(Array.from({ length: 6 }, () => ensure('day', 5, '2030-06-01T00:00:00Z')));

    expect(made.flat()).toHaveLength(6);
  });

  it('of the inbox and of the tables named are kept ahead and dropped by age', async () => {
    const clock = new FakeClock('2030-01-01T00:00:00Z');
    const tables = [{ table: 'runs', grain: 'day' as const, ahead: 2, keepDays: 30 }];
    const partitions = new Partitions({ db, tables, clock });
    await partitions.keep();
    await insert(tenantA, '2030-01-01T10:00:00Z');
    clock.advance(40 * 86_400_000);
    await partitions.keep();

    const names = await db.system((tx) =>
      tx.query<{ name: string }[]>(
        `select inhrelid::regclass::text as name from pg_inherits
         where inhparent in ('runs'::regclass, 'inbox'::regclass) order by 1`,
      ),
    );
    expect(names.map(({ name }) => name)).toEqual([
      'inbox_default',
      ...['0', '1', '2', '3', '4', '5', '6', '7'].map((day) => `inbox_p2030021${day}`),
      'runs_default',
      'runs_p20300210',
      'runs_p20300211',
      'runs_p20300212',
    ]);
  });
});
