// The way of a message out of a transaction, and the check that it comes in once.
import { randomUUID } from 'node:crypto';
import { Bus, busEnv, createTopics, type BusRecord } from '@mortise/bus';
import { Inbox, Outbox, type Database } from '@mortise/database';
import { migrations } from '@mortise/scheduler';
import { createLogger, defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { startKafka } from '@mortise/testing';
import { withDatabase } from '../database.ts';
import { percentile, repeat, type Figure } from '../figure.ts';
import { costOf, load, shown, shownCost, type Cost } from '../load.ts';

const logger = createLogger({ service: 'bench', level: 'warn' });
const backlog = 20_000;
const portion = 500;
const keys = 256;
const single = 200;
const inboxBatches = 40;

/** A bus on a real broker, and who hears of what a consumer of `plugin-events` gets. */
async function withBus<T>(
  use: (bus: Bus, onArrival: (listener: (id: string) => void) => void) => Promise<T>,
): Promise<T> {
  const kafka = await startKafka();
  try {
    const env = loadEnv(defineEnv(busEnv), {
      BUS: 'kafka',
      KAFKA_BROKERS: kafka.brokers,
      KAFKA_PARTITION_SCALE: '25',
    });
    await createTopics(env);
    const bus = Bus.create({ service: 'scheduler', instanceId: 'bench', env, logger, requests: false });
    let listener: (id: string) => void = () => {};
    bus.consume({
      topic: 'plugin-events',
      maxInFlight: 4_096,
      handler: async (record) => listener(record.headers['bench'] ?? ''),
    });
    await bus.start();
    try {
      return await use(bus, (next) => (listener = next));
    } finally {
      await bus.close(0);
    }
  } finally {
    await kafka.close();
  }
}

const record = (id: string, index: number): BusRecord => ({
  topic: 'plugin-events',
  key: `k${index % keys}`,
  value: Buffer.from(JSON.stringify({ index, text: 'x'.repeat(400) })),
  headers: { bench: id },
});

const isEmpty = async (db: Database) =>
  (await db.system((tx) => tx.query<unknown[]>('select from outbox limit 1'))).length === 0;

/** Fills the table, then lets a relay empty it. */
async function drain(db: Database, bus: Bus): Promise<Cost> {
  const outbox = new Outbox({ db, bus, logger });
  for (let from = 0; from < backlog; from += portion) {
    const records = Array.from({ length: portion }, (_, index) => record('', from + index));
    await db.system((tx) => outbox.addRecords(tx, records));
  }
  const cost = await costOf(backlog, async () => {
    await outbox.start();
    while (!(await isEmpty(db))) await new Promise((next) => setTimeout(next, 10));
  });
  await outbox.close();
  return cost;
}

export const relay: Figure = {
  id: 'RELAY',
  what: `outbox relay to Kafka, a backlog of ${backlog} rows of 400 B`,
  unit: 'rows/s',
  target: '>= 40,000 rows/s',
  ok: ({ value }) => value >= 40_000,
  measure: () =>
    withDatabase(migrations, (db) =>
      withBus(async (bus) => {
        const costs: Cost[] = [];
        const measured = await repeat(5, async () => {
          const cost = await drain(db, bus);
          costs.push(cost);
          return (backlog * 1_000) / cost.tookMs;
        });
        return { ...measured, note: shownCost(costs.at(-1) as Cost, 'a row, its consumer included') };
      }),
    ),
};

export const commitToConsumer: Figure = {
  id: 'HANDOVER',
  what: 'from the commit of a transaction to the handler, over Kafka, p50',
  unit: 'ms',
  target: '<= 5 ms',
  ok: ({ value }) => value <= 5,
  measure: () =>
    withDatabase(migrations, (db) =>
      withBus(async (bus, onArrival) => {
        const outbox = new Outbox({ db, bus, logger });
        await outbox.start();
        let index = 0;
        const notes: string[] = [];
        const measured = await repeat(5, async () => {
          let committedAt = 0;
          const tookMs: number[] = [];
          const one = async () => {
            const id = randomUUID();
            const arrived = new Promise<void>((done) =>
              onArrival((came) => {
                if (came === id) done();
              }),
            );
            await db.system((tx) => outbox.addRecords(tx, [record(id, ++index)]));
            committedAt = performance.now();
            await arrived;
            // The handler may be faster than the answer to the commit.
            tookMs.push(Math.max(0, performance.now() - committedAt));
          };
          notes.push(shown(await load(1, single, one)));
          return percentile(tookMs, 0.5);
        });
        await outbox.close();
        return { ...measured, note: `with the transaction: ${notes.at(-1) ?? ''}` };
      }),
    ),
};

export const inbox: Figure = {
  id: 'INBOX',
  what: `inbox, batches of ${portion} new events`,
  unit: 'us per event',
  target: '<= 20 us',
  ok: ({ value }) => value <= 20,
  measure: () =>
    withDatabase(migrations, async (db) => {
      const asked = new Inbox();
      const batch = () =>
        Array.from({ length: portion }, () => ({
          tenantId: randomUUID(),
          source: '/bench/source',
          id: newId(),
          acceptedAt: new Date().toISOString(),
        }));
      const costs: Cost[] = [];
      const measured = await repeat(5, async () => {
        const all = Array.from({ length: inboxBatches }, batch);
        const cost = await costOf(inboxBatches * portion, async () => {
          for (const events of all) await db.system((tx) => asked.firstTimeMany(tx, 'bench', events));
        });
        costs.push(cost);
        return (cost.tookMs * 1_000) / (inboxBatches * portion);
      });
      return { ...measured, note: shownCost(costs.at(-1) as Cost, 'an event') };
    }),
};
