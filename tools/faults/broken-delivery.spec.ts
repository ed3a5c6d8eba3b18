// The checker against delivery that was broken on purpose, beside the real one under the same deaths.
import { randomUUID } from 'node:crypto';
import type { BusRecord } from '@mortise/bus';
import { Database, Inbox, Outbox, type InboxEvent, type Tx } from '@mortise/database';
import { createLogger, derivedId } from '@mortise/service-kit';
import { testDatabase, until, type TestDatabase } from '@mortise/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { check } from './checker.ts';
import type { Asked } from './history.ts';
import type { Observed } from './observed.ts';

const logger = createLogger({ service: 'scheduler', level: 'silent' });
const tenant = randomUUID();
const installation = { id: randomUUID(), tenant, steady: true, jobs: [] };
let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await testDatabase([]);
  db = await Database.connect({ url: database.url, service: 'scheduler', logger });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});
afterEach(() => db.system((tx) => tx.query('delete from outbox')));

/** Stands for the executors: whatever reaches it is run and recorded. */
class Executions {
  readonly records = new Map<string, Observed['executions'][number]>();

  run = (record: BusRecord): void => {
    const id = record.key ?? '';
    const causation = record.headers.ce_causationid ?? null;
    const trigger = causation ? 'event' : 'call';
    this.records.set(id, {
      id,
      installation: installation.id,
      status: 'succeeded',
      trigger,
      causation,
      error: null,
      waitedMs: null,
      tookMs: null,
    });
  };
}

const commandOf = (id: string, headers: Record<string, string> = {}): BusRecord => ({
  topic: 'executions.background',
  key: id,
  value: Buffer.from('{}'),
  headers,
});

/** What the checker says when these were accepted and those are recorded. */
function verdict(asked: Asked[], { records }: Executions): string[] {
  const history = { installed: [installation], asked, injected: [], poison: [], startedAt: 0, calmAt: 0 };
  const observed: Observed = {
    executions: [...records.values()],
    marks: [],
    fires: [],
    outcomes: [],
    waiting: [],
    deadLetters: [],
    installations: [],
    lifecycle: [],
    states: [],
    seen: [],
    packages: [],
  };
  return check(history, observed).map(({ rule }) => rule);
}
const accepted = (kind: 'async' | 'event', nonce: string): Asked => ({
  kind,
  nonce,
  tenant,
  installation: installation.id,
  sentAt: 0,
  answeredAt: 0,
  status: 202,
  executionId: kind === 'async' ? nonce : undefined,
});

describe('a relay that dies in the middle of sending', () => {
  const accept = async (outbox: Outbox) => {
    const ids = Array.from({ length: 5 }, () => randomUUID());
    await db.tx(tenant, (tx) =>
      outbox.addRecords(
        tx,
        ids.map((id) => commandOf(id)),
      ),
    );
    return ids;
  };
  const isEmpty = () =>
    db.system(async (tx) => (await tx.query<unknown[]>('select from outbox')).length === 0);

  it('loses nothing when rows go after the acknowledgement', async () => {
    const executions = new Executions();
    const redeliver = () => Promise.reject(new Error('nothing is parked here'));
    // The first relay dies while the bus has not answered; its process is gone, the next one starts.
    const dying = new Outbox({ db, logger, bus: { send: () => new Promise<never>(() => {}), redeliver } });
    const ids = await accept(dying);
    await dying.start();
    await dying.close(0);
    const send = async (records: BusRecord[]) => records.forEach(executions.run);
    const next = new Outbox({ db, logger, bus: { send, redeliver } });
    await next.start();
    await until(isEmpty, 'all rows are sent');
    await next.close();

    expect(
      verdict(
        ids.map((id) => accepted('async', id)),
        executions,
      ),
    ).toEqual([]);
  });

  it('is caught when rows go before the acknowledgement', async () => {
    const executions = new Executions();
    const redeliver = () => Promise.reject(new Error('nothing is parked here'));
    const ids = await accept(new Outbox({ db, logger, bus: { send: async () => {}, redeliver } }));
    const takeRow = (tx: Tx) =>
      tx.query<[{ key: string }[], number]>(
        'delete from outbox where id = (select min(id) from outbox) returning key',
      );
    const relay = async (diesAt: number) => {
      for (let sent = 0; ; sent++) {
        const [[row]] = await db.system(takeRow);
        if (!row || sent === diesAt) return;
        executions.run(commandOf(row.key));
      }
    };
    await relay(2);
    await relay(Infinity);

    expect(
      verdict(
        ids.map((id) => accepted('async', id)),
        executions,
      ),
    ).toEqual(['lost']);
  });
});

describe('an event that comes twice', () => {
  /** Accepted twice: its sender heard nothing the first time. */
  const twice = (id: string): InboxEvent[] =>
    ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:07.000Z'].map((acceptedAt) => ({
      tenantId: tenant,
      source: 'app',
      id,
      acceptedAt,
    }));
  const match = (executions: Executions, { id, source }: InboxEvent, acceptedAt: string) => {
    const execution = derivedId(Date.parse(acceptedAt), tenant, source, id, installation.id, 'onThing');
    executions.run(commandOf(execution, { ce_causationid: id }));
  };

  it('is one execution behind the inbox', async () => {
    const executions = new Executions();
    const inbox = new Inbox();
    const id = randomUUID();
    for (const event of twice(id)) {
      const { first, acceptedAt } = await db.tx(tenant, (tx) => inbox.firstTime(tx, 'subscriptions', event));
      if (first) match(executions, event, acceptedAt);
    }

    expect(verdict([accepted('event', id)], executions)).toEqual([]);
  });

  it('is caught as two when the inbox does not remember what it answered', async () => {
    const executions = new Executions();
    const inbox = new Inbox();
    const id = randomUUID();
    for (const event of twice(id)) {
      // The row goes with a transaction that is rolled back; the effect does not.
      await db
        .tx(tenant, async (tx) => {
          const { first, acceptedAt } = await inbox.firstTime(tx, 'subscriptions', event);
          if (first) match(executions, event, acceptedAt);
          throw new Error('rolled back');
        })
        .catch(() => {});
    }

    expect(verdict([accepted('event', id)], executions)).toEqual(['twice']);
  });
});
