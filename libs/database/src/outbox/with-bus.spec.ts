import { Bus, busEnv, type BusEvent } from '@mortise/bus';
import { defineEvent } from '@mortise/contracts';
import { createLogger, defineEnv, loadEnv } from '@mortise/service-kit';
import { FakeClock, testDatabase, until, type TestDatabase } from '@mortise/testing';
import { IsString, IsUUID } from 'class-validator';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tenantA } from '../../test/migrations.js';
import { Database } from '../database.js';
import { Outbox } from './outbox.js';

class NotedData {
  @IsUUID() tenantId: string;
  @IsString() text: string;
}
const Noted = defineEvent('test.noted', {
  topic: 'plugin-events',
  key: (data) => data.tenantId,
  data: NotedData,
});

const logger = createLogger({ service: 'scheduler', level: 'silent' });
const clock = new FakeClock();
let database: TestDatabase;
let db: Database;
let bus: Bus;
let outbox: Outbox;
const handled: BusEvent<NotedData>[] = [];
let failures = 0;

beforeAll(async () => {
  database = await testDatabase([]);
  db = await Database.connect({ url: database.url, service: 'scheduler', logger });
  bus = Bus.create({
    service: 'scheduler',
    instanceId: 'scheduler-0',
    env: loadEnv(defineEnv(busEnv), { BUS: 'memory' }),
    logger,
    clock,
    retry: { totalMs: 0 },
  });
  outbox = new Outbox({ db, bus, logger, clock });
  bus.parkWith(outbox);
  bus.on(Noted, async (event) => {
    if (failures-- > 0) throw new Error('not yet');
    handled.push(event);
  });
  await bus.start();
  await outbox.start();
});
afterAll(async () => {
  await outbox.close();
  await bus.close(0);
  await db.close();
  await database.drop();
});

const add = (text: string, dueAt?: number) =>
  db.tx(tenantA, (tx) => outbox.add(tx, Noted, { tenantId: tenantA, text }, { id: `id-${text}`, dueAt }));
const isEmpty = () => db.system(async (tx) => (await tx.query<unknown[]>('select from outbox')).length === 0);

it('carries an event from the transaction to its handler, envelope included', async () => {
  await add('hello');

  const event = await until(() => handled.find(({ data }) => data.text === 'hello'), 'the event is handled');
  expect(event).toMatchObject({
    id: 'id-hello',
    tenantId: tenantA,
    source: '/scheduler',
    type: 'test.noted',
  });
  expect(event.time).toBe(new Date(clock.now()).toISOString());
  await until(isEmpty, 'the outbox is empty');
});

it('parks an event whose handler fails and gives it to the handler again when it is due', async () => {
  failures = 1;
  await add('hard');
  await until(
    () =>
      db.system(
        async (tx) =>
          (await tx.query<unknown[]>(`select from outbox where consumer_group = 'scheduler'`)).length === 1,
      ),
    'the event is parked',
  );
  expect(handled.some(({ data }) => data.text === 'hard')).toBe(false);
  clock.advance(24 * 3_600_000);

  const event = await until(() => handled.find(({ data }) => data.text === 'hard'), 'the event is handled');
  expect(event.record.attempt).toBe(2);
  await until(isEmpty, 'the outbox is empty');
});
