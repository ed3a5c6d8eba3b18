import { encodeCloudEvent } from '@mortise/bus';
import type { Page, WaitingDto } from '@mortise/contracts';
import { Database, Outbox } from '@mortise/database';
import { createLogger, newId } from '@mortise/service-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import type { TestTenant } from '../../test/test-tenant.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const hourMs = 3_600_000;

describe('messages that wait', () => {
  let registry: RegistryUnderTest;
  let operator: TestTenant;
  const databases: Database[] = [];
  beforeAll(async () => {
    registry = await RegistryUnderTest.start();
    operator = registry.operator();
  });
  afterAll(async () => {
    for (const db of databases) await db.close();
    await registry.close();
  });

  /** The outbox of a service, which nobody relays here. */
  async function outboxOf(service: 'gateway' | 'scheduler' | 'executor'): Promise<[Outbox, Database]> {
    const db = await Database.connect({ url: registry.databaseUrl, service, logger });
    databases.push(db);
    return [new Outbox({ db, bus: { send: async () => {}, redeliver: async () => {} }, logger }), db];
  }
  const event = (id: string, tenantId: string) => {
    const time = new Date().toISOString();
    return encodeCloudEvent(
      { id, source: '/shop', type: 'order.paid', time, tenantId, data: 1 },
      'platform-events',
      'key',
    );
  };
  const list = async (query: string) => (await operator.get<Page<WaitingDto>>(`/waiting?${query}`)).body;

  it('are listed over all services, with why and until when', async () => {
    const tenantId = newId();
    const [scheduler] = await outboxOf('scheduler');
    const [gateway, gatewayDb] = await outboxOf('gateway');
    const dueAt = Date.now() + hourMs;
    await scheduler.park({
      record: { ...event('parked', tenantId), partition: 3, offset: '7', timestamp: 1, attempt: 8 },
      ...{ group: 'scheduler', attempt: 8, reason: 'the database is away', dueAt },
    });
    await gatewayDb.system((tx) => gateway.addRecords(tx, [event('delayed', tenantId)], { dueAt }));
    await gatewayDb.system((tx) => gateway.addRecords(tx, [event('not waiting', tenantId)]));

    const { data } = await list(`tenantId=${tenantId}`);

    expect(data).toMatchObject([
      {
        ...{ service: 'scheduler', why: 'parked', group: 'scheduler', eventId: 'parked', attempts: 8 },
        ...{ topic: 'platform-events', key: 'key', type: 'order.paid', tenantId },
        ...{ reason: 'the database is away', dueAt: new Date(dueAt).toISOString(), sizeBytes: 1 },
      },
      { service: 'gateway', why: 'delayed', group: null, eventId: 'delayed', reason: null },
    ]);
    expect((await list(`tenantId=${tenantId}&why=parked`)).data).toEqual([data[0]]);
    expect((await list(`tenantId=${tenantId}&service=gateway`)).data).toEqual([data[1]]);
    expect((await list(`tenantId=${tenantId}&topic=control`)).data).toEqual([]);
  });

  it('are listed in pages', async () => {
    const tenantId = newId();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const [outbox, db] = await outboxOf('scheduler');
    const records = ids.map((id) => event(id, tenantId));
    await db.system((tx) => outbox.addRecords(tx, records, { dueAt: Date.now() + hourMs }));

    const first = await list(`tenantId=${tenantId}&limit=2`);
    const second = await list(`tenantId=${tenantId}&limit=2&cursor=${first.page.next}`);
    const back = await list(`tenantId=${tenantId}&limit=2&cursor=${second.page.prev}`);

    expect([...first.data, ...second.data].map(({ eventId }) => eventId)).toEqual(['e', 'd', 'c', 'b']);
    expect(back.data).toEqual(first.data);
  });

  it('are taken away before they are due, and only then', async () => {
    const tenantId = newId();
    const [outbox, db] = await outboxOf('scheduler');
    await db.system((tx) =>
      outbox.addRecords(tx, [event('later', tenantId)], { dueAt: Date.now() + hourMs }),
    );
    await db.system((tx) => outbox.addRecords(tx, [event('due', tenantId)], { dueAt: Date.now() - 1 }));
    const { data } = await list(`tenantId=${tenantId}`);
    const [due, later] = data.map(({ id }) => id);

    const answers = [];
    for (const id of [later, later, due, newId(), 'nothing', '00000009-0000-8000-8000-000000000001'])
      answers.push(await operator.call('DELETE', `/waiting/${id}`));

    expect(answers.map(({ status }) => status)).toEqual([204, 404, 404, 404, 404, 404]);
    expect(answers[1]?.body.code).toBe('WAITING_NOT_FOUND');
    expect((await list(`tenantId=${tenantId}`)).data.map(({ eventId }) => eventId)).toEqual(['due']);
  });

  it('give the registry no other way into what is not its own', async () => {
    const read = (sql: string) => registry.db.system((tx) => tx.query(sql));

    await expect(read('select * from scheduler.outbox')).rejects.toThrow('permission denied');
    await expect(read('delete from waiting')).rejects.toThrow();
    await expect(registry.db.tx(newId(), (tx) => tx.query('select * from waiting'))).rejects.toThrow(
      'permission denied',
    );
    await expect(
      registry.db.tx(newId(), (tx) =>
        tx.query(`select cancel_waiting('00000001-0000-8000-8000-000000000001')`),
      ),
    ).rejects.toThrow('permission denied');
  });
});
