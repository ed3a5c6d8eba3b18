import { encodeCloudEvent, type States } from '@mortise/bus';
import type { ExecuteCommand } from '@mortise/contracts';
import { connect, Database, Inbox, Outbox } from '@mortise/database';
import { createLogger, newId } from '@mortise/service-kit';
import { installation, testDatabase, until, type TestDatabase } from '@mortise/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrations } from '../migrations.js';
import { Matcher } from './matcher.js';
import type { Match, Subscriptions } from './subscriptions.js';

const logger = createLogger({ service: 'scheduler', level: 'silent' });
const acceptedAt = new Date().toISOString();

describe('the matcher', () => {
  let database: TestDatabase;
  let db: Database;
  let tenantId: string;
  const matches: Match[] = ['first', 'second'].map((name) => ({
    installation: installation(),
    function: name,
  }));

  beforeAll(async () => {
    database = await testDatabase([migrations]);
    db = await Database.connect({ url: database.url, service: 'scheduler', logger });
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });
  beforeEach(() => {
    tenantId = newId();
  });

  /** One process's matcher: they share the database only. */
  const matcher = (own = db) =>
    new Matcher(
      {
        installations: { caughtUp: Promise.resolve() },
        plugins: { caughtUp: Promise.resolve() },
      } as unknown as States,
      { matches: () => matches } as unknown as Subscriptions,
      own,
      new Inbox(),
      new Outbox({ db: own, bus: { send: async () => {}, redeliver: async () => {} }, logger }),
    );

  const event = (id: string, more: { acceptedAt?: string; causationDepth?: number; size?: number } = {}) => {
    const { size = 1, ...meta } = more;
    const sent = { id, source: '/shop', type: 'order.paid', time: acceptedAt, acceptedAt, tenantId };
    const record = encodeCloudEvent({ ...sent, ...meta, data: 'x'.repeat(size) }, 'platform-events', 'key');
    return {
      ...record,
      partition: 0,
      offset: '0',
      timestamp: Date.parse(acceptedAt),
      attempt: 1,
    };
  };

  /** What is queued for this test's tenant, in the order in which it will be sent. */
  const queued = async (): Promise<string[]> => {
    const rows = await db.system((tx) =>
      tx.query<{ value: Buffer }[]>(
        `select value from outbox where headers ->> 'ce_tenantid' = $1 order by id`,
        [tenantId],
      ),
    );
    return rows.map(({ value }) => {
      const command = JSON.parse(value.toString()) as ExecuteCommand;
      return `${command.causationId}:${command.function}`;
    });
  };
  const each = (ids: readonly string[]) => ids.flatMap((id) => [`${id}:first`, `${id}:second`]);

  it('names what can never be handled, and queues the rest of its batch', async () => {
    const batch = [
      event('a'),
      event('bad-time', { acceptedAt: 'yesterday' }),
      event('too-deep', { causationDepth: 9 }),
      { ...event('no-tenant'), headers: {} },
      event('b'),
    ];

    const refused = await matcher().handle(batch);

    expect(await queued()).toEqual(each(['a', 'b']));
    expect(refused.map(({ record }) => record)).toEqual(batch.slice(1, 4));
    expect(refused.map(({ error }) => (error as { code?: string }).code)).toEqual([
      'MESSAGE_UNDECODABLE',
      'CAUSATION_TOO_DEEP',
      'MESSAGE_UNDECODABLE',
    ]);
  });

  it('queues large events in order, in more than one transaction', async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `large-${index}`);
    const transactions = async () => {
      const rows = await db.system((tx) =>
        tx.query<{ count: string }[]>(
          `select count(distinct xmin::text) from outbox where headers ->> 'ce_tenantid' = $1`,
          [tenantId],
        ),
      );
      return Number(rows[0]?.count);
    };

    await matcher().handle(ids.map((id) => event(id, { size: 1_000_000 })));

    expect(await queued()).toEqual(each(ids));
    // Two matches of 1 MB each: three events fit into 8 MB.
    expect(await transactions()).toBe(4);
  });

  it('loses and doubles nothing when it is killed before its commit, and the events come to another', async () => {
    const ids = ['a', 'b', 'c'];
    const doomed = await Database.connect({ url: database.url, service: 'scheduler', logger });
    const blocker = Promise.withResolvers<void>();
    const blocking = Promise.withResolvers<void>();
    const holding = db.system(async (tx) => {
      await tx.query('lock table outbox in share mode');
      blocking.resolve();
      await blocker.promise;
    });
    await blocking.promise;
    const killed = matcher(doomed)
      .handle(ids.map((id) => event(id)))
      .catch((error: unknown) => error);

    // It has written to the inbox and waits to write to the outbox: the end of the process is the end of its session.
    const [{ pid } = { pid: 0 }] = await until(async () => {
      const rows = await db.system((tx) =>
        tx.query<{ pid: number }[]>(
          `select pid from pg_locks where relation = 'outbox'::regclass and not granted`,
        ),
      );
      return rows.length > 0 && rows;
    }, 'it waits for the outbox');
    const admin = await connect(database.url, 'test');
    await admin.query('select pg_terminate_backend($1)', [pid]);
    await admin.end();
    expect(await killed).toBeInstanceOf(Error);
    blocker.resolve();
    await holding;
    expect(await queued()).toEqual([]);
    await matcher().handle(ids.map((id) => event(id)));

    expect(await queued()).toEqual(each(ids));
    await doomed.close();
  });

  // Each is a process that handles this part and dies before it commits its offsets: the next one begins earlier.
  const deaths: [from: number, to: number][][] = [
    [],
    [[0, 12]],
    [
      [0, 1],
      [0, 7],
      [3, 9],
    ],
    [
      [0, 5],
      [5, 6],
      [2, 11],
      [0, 12],
    ],
  ];
  it.each(deaths.map((parts) => ({ deaths: parts.length, parts })))(
    'queues every match once and in order after $deaths deaths before the offsets were committed',
    async ({ parts }) => {
      const ids = Array.from({ length: 12 }, (_, index) => `e${index}`);
      const records = ids.map((id) => event(id));

      for (const [from, to] of parts) await matcher().handle(records.slice(from, to));
      // During a rebalance two may have the same records at once.
      await Promise.all([matcher().handle(records), matcher().handle(records)]);

      expect(await queued()).toEqual(each(ids));
    },
  );
});
