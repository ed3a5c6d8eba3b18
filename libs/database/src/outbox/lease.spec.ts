import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createLogger } from '@mortise/service-kit';
import { forkModule, testDatabase, until, type TestDatabase } from '@mortise/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tenantA } from '../../test/migrations.js';
import { recordOf, Sink } from '../../test/sink.js';
import { Wire } from '../../test/wire.js';
import { connect } from '../connection.js';
import { Database } from '../database.js';
import { Outbox } from './outbox.js';

const logger = createLogger({ service: 'registry', level: 'silent' });
const withinMs = 3_000;
const keys = Array.from({ length: 64 }, (_, index) => `key-${index}`);
let database: TestDatabase;
let db: Database;
let sink: Sink;
let closers: (() => Promise<unknown>)[];
beforeAll(async () => {
  database = await testDatabase([]);
  db = await Database.connect({ url: database.url, service: 'registry', logger });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});
beforeEach(() => {
  sink = new Sink();
  closers = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  await db.system((tx) => tx.query('delete from outbox'));
});

async function relay(bus = sink, on = db): Promise<Outbox> {
  const outbox = new Outbox({ db: on, bus, logger });
  closers.push(() => outbox.close(0));
  await outbox.start();
  return outbox;
}
const add = (value: string, outbox = new Outbox({ db, bus: sink, logger })) =>
  db.tx(tenantA, (tx) =>
    outbox.addRecords(
      tx,
      keys.map((key) => recordOf(key, value)),
    ),
  );
const count = async (query: string): Promise<number> =>
  (await db.system((tx) => tx.query<{ count: number }[]>(`select count(*)::int as count ${query}`)))[0]
    ?.count ?? -1;
const isEmpty = async () => (await count('from outbox')) === 0;
const shardLocks = `from pg_locks l join pg_stat_activity a using (pid)
  where l.locktype = 'advisory' and l.objsubid = 2 and l.objid < 8 and a.datname = current_database()`;

/** A relay in a process of its own that has all shards and answers nothing yet. */
async function otherProcess(): Promise<{ child: ChildProcess; taken: string[]; answer: () => void }> {
  const child = forkModule(new URL('../../test/relay-child.ts', import.meta.url), [database.url]);
  closers.push(async () => child.kill('SIGKILL'));
  const taken: string[] = [];
  const calls: number[] = [];
  child.on('message', ({ call, records }: { call: number; records: { value: string }[] }) => {
    calls.push(call);
    taken.push(...records.map(({ value }) => value));
  });
  await until(async () => (await count(shardLocks)) === 8, 'the other process has the shards', 15_000);
  return { child, taken, answer: () => calls.splice(0).forEach((call) => child.send(call)) };
}

describe('the shards of a relay', () => {
  it('move within 3 s when its process is killed', async () => {
    const { child } = await otherProcess();
    await relay();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const since = performance.now();
    await add('after');

    await until(() => sink.sent.length === keys.length, 'the other relay sends', withinMs);
    expect(performance.now() - since).toBeLessThan(withinMs);
  });

  it('move within 3 s when its process hangs; awake again it sends nothing that others have sent', async () => {
    const { child, taken, answer } = await otherProcess();
    await add('first');
    await until(() => taken.length === keys.length, 'the first is under way in the other process');
    await add('second');
    child.kill('SIGSTOP');
    await relay();

    await until(() => sink.sent.length === 2 * keys.length, 'this relay sends both', withinMs);
    child.kill('SIGCONT');
    answer();
    await until(async () => (await count(shardLocks)) === 8, 'all shards have an owner');
    await until(
      async () =>
        (await count(`from pg_stat_activity where application_name = 'mortise-registry-relay'
        and datname = current_database()`)) === 2,
      'the other process has come back',
    );
    await until(isEmpty, 'nothing is left');
    expect(taken.filter((value) => value === 'second')).toEqual([]);
  });

  it('move within 3 s when the network swallows what it says', async () => {
    const wire = await Wire.to(database.url);
    const remote = await Database.connect({ url: wire.url, service: 'registry', logger });
    closers.push(
      () => remote.close(),
      () => wire.close(),
    );
    const cutOff = new Sink();
    await relay(cutOff, remote);
    await until(async () => (await count(shardLocks)) === 8, 'the first relay has the shards');
    await relay();
    wire.swallow();
    const since = performance.now();
    await add('after');

    await until(async () => sink.sent.length + cutOff.sent.length >= keys.length, 'all are sent', withinMs);
    expect(performance.now() - since).toBeLessThan(withinMs);
    await until(() => sink.sent.length > 0, 'the second relay took over');
  });

  it('come back after a statement of it was cancelled', async () => {
    await relay();
    await until(async () => (await count(shardLocks)) === 8, 'it has the shards');
    const owner = await connect(database.url, 'test');
    closers.push(() => owner.end());
    // Whoever holds the table makes the relay's next look wait, so that there is something to cancel.
    await owner.query('begin; lock table registry.outbox');
    const cancelled = await until(async () => {
      const { rows } = await owner.query<{ done: boolean }>(
        `select pg_cancel_backend(pid) as done from pg_stat_activity
         where application_name = 'mortise-registry-relay' and wait_event_type = 'Lock' and datname = current_database()`,
      );
      return rows[0]?.done;
    }, 'its statement is cancelled');
    await owner.query('commit');
    await add('after');

    expect(cancelled).toBe(true);
    await until(() => sink.sent.length === keys.length, 'it sends again');
  });
});

it("rows in the shards of another relay are sent at once, not at that one's next look", async () => {
  const other = new Sink();
  const outbox = await relay();
  await relay(other);
  const own = new Set<string>();
  await until(async () => {
    sink.sent.length = other.sent.length = 0;
    await add('where', outbox);
    await until(isEmpty, 'the outbox is empty');
    return sink.sent.length > 0 && other.sent.length > 0;
  }, 'both have shards');
  for (const { key } of sink.sent) own.add(key as string);
  const foreign = keys.filter((key) => !own.has(key)).slice(0, 12);

  const tookMs: number[] = [];
  for (const key of foreign) {
    other.sent.length = 0;
    await db.tx(tenantA, (tx) => outbox.addRecords(tx, [recordOf(key, 'now')]));
    const since = performance.now();
    await until(() => other.sent.length === 1, 'the other relay sends it');
    tookMs.push(performance.now() - since);
  }
  // Looking by itself it would find a row after 250 ms on average.
  expect(tookMs.sort((a, b) => a - b)[Math.floor(tookMs.length / 2)]).toBeLessThan(100);
});
