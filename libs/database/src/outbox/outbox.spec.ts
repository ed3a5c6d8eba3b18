import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { BusRecord } from '@mortise/bus';
import { createLogger } from '@mortise/service-kit';
import { FakeClock, forkModule, testDatabase, until, type TestDatabase } from '@mortise/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tenantA } from '../../test/migrations.js';
import { recordOf, Sink } from '../../test/sink.js';
import { connect } from '../connection.js';
import { Database } from '../database.js';
import { Outbox } from './outbox.js';

const logger = createLogger({ service: 'registry', level: 'silent' });
let database: TestDatabase;
let db: Database;
let sink: Sink;
let clock: FakeClock;
let open: Outbox[];

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
  clock = new FakeClock();
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((outbox) => outbox.close(0)));
  await db.system((tx) => tx.query('delete from outbox'));
});

async function start(bus: Sink = sink): Promise<Outbox> {
  const outbox = new Outbox({ db, bus, logger, clock });
  open.push(outbox);
  await outbox.start();
  return outbox;
}
const add = (outbox: Outbox, records: BusRecord[], dueAt?: number) =>
  db.tx(tenantA, (tx) => outbox.addRecords(tx, records, { dueAt }));
async function rows(where = 'true'): Promise<number> {
  const [row] = await db.system((tx) =>
    tx.query<{ count: number }[]>(`select count(*)::int as count from outbox where ${where}`),
  );
  return row?.count ?? -1;
}
const ofKey = (records: { key: string | null; value: unknown }[], key: string) =>
  records.filter((record) => record.key === key).map(({ value }) => String(value));
const count = (length: number) => Array.from({ length }, (_, index) => String(index));

describe('outbox', () => {
  it('sends what was committed, as it was written, and deletes it', async () => {
    const outbox = await start();
    const record = {
      ...recordOf('k', 'hello'),
      headers: { ce_id: '1', 'content-type': 'text/plain' },
      partition: 3,
    };
    await add(outbox, [record, { ...recordOf(null, ''), value: null }]);

    await until(async () => (await rows()) === 0, 'the outbox is empty');
    expect(sink.sent).toHaveLength(2);
    expect(sink.sent).toContainEqual(record);
    expect(sink.sent.find(({ key }) => key === null)?.value).toBeNull();
  });

  it('is not stopped by headers that hold what jsonb refuses', async () => {
    const outbox = await start();
    const odd = { ce_subject: 'a\0b\ud800', path: 'C:\\u0000', pair: '😀' };
    await add(outbox, [{ ...recordOf('k', 'odd'), headers: odd }]);

    await until(() => sink.sent.length === 1, 'it is sent');
    expect(sink.sent[0]?.headers).toEqual({ ce_subject: 'a\ufffdb\ufffd', path: 'C:\\u0000', pair: '😀' });
  });

  it('sends nothing of a transaction that was rolled back', async () => {
    const outbox = await start();
    await expect(
      db.tx(tenantA, async (tx) => {
        await outbox.addRecords(tx, [recordOf('k', 'never')]);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await add(outbox, [recordOf('k', 'after')]);

    await until(() => sink.sent.length > 0, 'something is sent');
    expect(sink.values).toEqual(['after']);
  });

  it('sends rows that were there before it started', async () => {
    const before = new Outbox({ db, bus: sink, logger });
    await add(before, [recordOf('k', 'waiting')]);
    await start();

    await until(() => sink.values.includes('waiting'), 'the old row is sent');
  });

  it('keeps the order of a key over many transactions', async () => {
    const outbox = await start();
    for (const value of count(100)) await add(outbox, [recordOf('a', value), recordOf('b', value)]);

    await until(() => sink.sent.length === 200, 'all are sent');
    expect(ofKey(sink.sent, 'a')).toEqual(count(100));
    expect(ofKey(sink.sent, 'b')).toEqual(count(100));
  });

  it('keeps a row until the bus has taken it: at every moment it is in the table or was taken', async () => {
    const rowsWhileSending: number[] = [];
    sink.onSend = async () => {
      rowsWhileSending.push(await rows());
    };
    const outbox = await start();
    await add(outbox, [recordOf('k', 'precious')]);

    await until(async () => sink.sent.length === 1 && (await rows()) === 0, 'it is sent and deleted');
    expect(rowsWhileSending).toEqual([1]);
  });

  it('does not let a key that the bus holds back delay the others, nor fill the memory', async () => {
    const stuck = Promise.withResolvers<void>();
    sink.onSend = (records) => (records[0]?.key === 'stuck' ? stuck.promise : undefined);
    const outbox = await start();
    await add(
      outbox,
      count(2_000).map((value) => recordOf('stuck', value)),
    );
    await add(
      outbox,
      count(300).map((value) => recordOf(`free-${value}`, value)),
    );

    await until(() => sink.sent.length === 300, 'the other keys are sent');
    expect(sink.sent.some(({ key }) => key === 'stuck')).toBe(false);
    stuck.resolve();
    await until(async () => (await rows()) === 0, 'the rest follows');
    expect(ofKey(sink.sent, 'stuck')).toEqual(count(2_000));
  });

  it('takes no more large rows of a topic than fit while the bus does not take them', async () => {
    const stuck = Promise.withResolvers<void>();
    let [held, taken] = [0, 0];
    sink.onSend = (records) => {
      if (records[0]?.topic === 'audit') return;
      held += records.length;
      return stuck.promise;
    };
    const outbox = await start();
    const large = Buffer.alloc(1_000_000);
    const many = count(80).map((value) => ({ ...recordOf(value, ''), value: large }));
    for (let first = 0; first < many.length; first += 10) await add(outbox, many.slice(first, first + 10));
    for (taken = 0; taken < 20; taken++) {
      await add(outbox, [recordOf('k', String(taken), 'audit')]);
      await until(() => sink.sent.length > taken, 'another topic goes on');
    }

    expect(held).toBeGreaterThanOrEqual(32);
    expect(held).toBeLessThanOrEqual(50);
    stuck.resolve();
    await until(async () => (await rows()) === 0, 'the rest follows');
  });

  it('works off a backlog larger than its memory without pausing between batches', async () => {
    const writer = new Outbox({ db, bus: sink, logger });
    const backlog = count(12_000).map((value) => recordOf(`key-${Number(value) % 500}`, value));
    await add(writer, backlog);
    await start();

    // A quarter of a second; with one idle poll between batches it would be six.
    await until(() => sink.sent.length === 12_000, 'all are sent', 4_000);
    expect(ofKey(sink.sent, 'key-7')).toEqual(ofKey(backlog, 'key-7').map(String));
  });

  it('tries again, in order, when the bus refuses', async () => {
    let refusals = 3;
    sink.onSend = () => {
      if (refusals-- > 0) throw new Error('broker away');
    };
    const outbox = await start();
    await add(
      outbox,
      count(5).map((value) => recordOf('k', value)),
    );

    await until(async () => (await rows()) === 0, 'all are sent');
    expect(sink.values).toEqual(count(5));
  });

  it('holds a delayed row back until it is due', async () => {
    const outbox = await start();
    await add(outbox, [recordOf('k', 'later')], clock.now() + 60_000);
    await add(outbox, [recordOf('k', 'now')]);
    await until(() => sink.values.includes('now'), 'the other row is sent');
    expect(sink.values).toEqual(['now']);
    clock.advance(60_000);

    await until(() => sink.values.includes('later'), 'the delayed row is sent');
  });
});

describe('a parked record', () => {
  const received = { ...recordOf('k', 'hard'), partition: 2, offset: '41', timestamp: 5 };
  const park = (outbox: Outbox) =>
    outbox.park({
      record: { ...received, attempt: 7 },
      group: 'registry',
      attempt: 7,
      reason: 'no',
      dueAt: clock.now() + 1_000,
    });

  it("comes back to its group's handler when it is due, never to the topic", async () => {
    const outbox = await start();
    await park(outbox);
    clock.advance(1_000);

    await until(async () => sink.redelivered.length === 1 && (await rows()) === 0, 'it is handled');
    expect(sink.redelivered).toEqual([{ group: 'registry', record: { ...received, attempt: 7 } }]);
    expect(sink.sent).toEqual([]);
  });

  it('is put off further each time its handler fails again', async () => {
    sink.onRedeliver = () => {
      throw new Error('still no');
    };
    const outbox = await start();
    await park(outbox);
    clock.advance(1_000);
    await until(
      async () => (await rows(`attempt = 8 and reason = 'Error: still no'`)) === 1,
      'it is parked again',
    );
    expect(await rows(`due_at > to_timestamp(${clock.now() / 1_000})`)).toBe(1);
    sink.onRedeliver = () => {};
    clock.advance(3_600_000);

    await until(async () => (await rows()) === 0, 'it is handled at last');
    expect(sink.redelivered.map(({ record }) => record.attempt)).toEqual([7, 8]);
  });
});

describe('several relays', () => {
  it('share the shards, and one that leaves hands its own over', async () => {
    const [first, second] = [new Sink(), new Sink()];
    const outbox = await start(first);
    const other = await start(second);
    const spread = () => count(64).map((value) => recordOf(`key-${value}`, value));

    await until(async () => {
      await add(outbox, spread());
      await until(async () => (await rows()) === 0, 'the outbox is empty');
      return first.sent.length > 0 && second.sent.length > 0;
    }, 'both relay');
    await other.close();
    const before = first.sent.length;
    await add(outbox, spread());

    await until(() => first.sent.length === before + 64, 'the one that stays sends everything');
  });

  it('send no row twice while all of them live', async () => {
    const sinks = [new Sink(), new Sink(), new Sink()];
    const [outbox] = await Promise.all(sinks.map((bus) => start(bus)));
    for (let round = 0; round < 20; round++)
      await add(
        outbox as Outbox,
        count(50).map((value) => recordOf(`key-${value}`, `${round}/${value}`)),
      );

    await until(async () => (await rows()) === 0, 'the outbox is empty');
    const all = sinks.flatMap((bus) => bus.values);
    expect(all).toHaveLength(1_000);
    expect(new Set(all).size).toBe(1_000);
  });

  it('go on after the server has cut their connection', async () => {
    const outbox = await start();
    await add(outbox, [recordOf('k', 'before')]);
    await until(() => sink.sent.length === 1, 'the first is sent');
    const owner = await connect(database.url, 'test');
    const { rows: cut } = await owner.query<{ cut: boolean }>(
      `select pg_terminate_backend(pid) as cut from pg_stat_activity where application_name = 'mortise-registry-relay' and datname = current_database()`,
    );
    await owner.end();
    await add(outbox, [recordOf('k', 'after')]);

    expect(cut).toEqual([{ cut: true }]);
    await until(() => sink.values.includes('after'), 'the next is sent');
  });
});

describe('kill -9 of a relay', () => {
  let child: ChildProcess;
  afterEach(() => child.kill('SIGKILL'));

  it.each([
    ['has taken', true],
    ['has lost', false],
  ])(
    'loses nothing: another process sends, in order, whatever the bus %s without saying so',
    async (_what, keepsUnanswered) => {
      const keys = count(40).map((value) => `key-${value}`);
      const writer = new Outbox({ db, bus: sink, logger });
      for (const value of count(25))
        await add(
          writer,
          keys.map((key) => recordOf(key, value)),
        );
      const taken: { key: string; value: string }[] = [];
      let [answered, unanswered] = [0, 0];
      child = forkModule(new URL('../../test/relay-child.ts', import.meta.url), [database.url]);
      child.on(
        'message',
        ({ call, records }: { call: number; records: { key: string; value: string }[] }) => {
          // From the middle on the relay hears nothing any more.
          const answers = answered < 500;
          if (answers || keepsUnanswered) taken.push(...records);
          if (answers) child.send(call);
          if (answers) answered += records.length;
          else unanswered += records.length;
        },
      );
      await until(
        async () => unanswered > 100 && (await rows()) === 1_000 - answered,
        'the child waits for answers and has deleted exactly the rows that were answered',
      );
      child.kill('SIGKILL');
      await once(child, 'exit');
      await start();

      await until(async () => (await rows()) === 0, 'the next relay has sent the rest');
      const all = [
        ...taken,
        ...sink.sent.map(({ key, value }) => ({ key: key as string, value: String(value) })),
      ];
      // What was taken unanswered comes twice; leaving repeats out, each key is whole and in order.
      for (const key of keys) expect([...new Set(ofKey(all, key))]).toEqual(count(25));
    },
  );
});
