import { Bus, busEnv, decodeEvent, MemoryBroker, type Received } from '@mortise/bus';
import {
  ExecuteInBackground,
  type CancelReply,
  type ExecutionStatus,
  type Principal,
} from '@mortise/contracts';
import { Outbox, type Database } from '@mortise/database';
import { defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, logger, registryDatabase, type Installed } from '../../test/installed.js';
import { projectExecutions } from '../projections/executions-projection.js';
import { ExecutionsService } from './executions.service.js';

let db: Database;
let installed: Installed;
let executions: ExecutionsService;
let outcome: CancelReply['outcome'] | 'silent';
const commands: Received[] = [];
const ends: (() => Promise<unknown>)[] = [];

const bus = (service: 'registry' | 'executor', broker: MemoryBroker) =>
  Bus.create({ service, instanceId: `${service}-1`, env: loadEnv(defineEnv(busEnv), {}), broker, logger });

beforeAll(async () => {
  const database = await registryDatabase();
  db = database.db;
  const broker = new MemoryBroker();
  const [own, executor] = [bus('registry', broker), bus('executor', broker)];
  executor.consume({
    topic: 'executions.background',
    handler: async (record) => void commands.push(record),
  });
  executor.consume({
    topic: 'executions.interactive',
    handler: async (record) => {
      commands.push(record);
      if (outcome !== 'silent') executor.reply(record, Buffer.from(JSON.stringify({ outcome })));
    },
  });
  const outbox = new Outbox({ db, bus: own, logger });
  executions = new ExecutionsService(db, outbox, own);
  installed = await install(db);
  await own.start();
  await executor.start();
  await outbox.start();
  ends.push(
    () => outbox.close(),
    () => executor.close(),
    () => own.close(),
    database.close,
  );
});
afterAll(async () => {
  for (const end of ends) await end();
});

const caller = (tenantId = installed.tenantId): Principal => ({
  tenantId,
  tenantSlug: 'acme',
  roles: ['tenant-admin'],
  subject: 'key:test',
  requestId: newId(),
});
const queue = async (body = {}) =>
  (await executions.queue(caller(), installed.installationId, body)).executionId;
const end = async (id: string, status: ExecutionStatus) => {
  const { acceptedAt, pluginId } = await executions.get(installed.tenantId, id);
  await projectExecutions(db, [
    {
      ...installed,
      executionId: id,
      pluginId,
      version: '1.0.0',
      function: 'greet',
      trigger: 'call',
      status,
      attempt: 1,
      acceptedAt,
    },
  ]);
};
const refusal = (code: string) => expect.objectContaining({ code }) as Error;

describe('queued executions', () => {
  it('have a record at once and reach the executor as a command', async () => {
    const id = await queue({ input: { name: 'Ada' }, context: { page: 1 } });

    expect(await executions.get(installed.tenantId, id)).toMatchObject({
      id,
      installationId: installed.installationId,
      status: 'queued',
      function: 'greet',
      version: '1.0.0',
      trigger: 'call',
      attempt: 1,
      startedAt: null,
    });
    const record = await until(
      () => commands.find(({ value }) => value?.includes(id)),
      'the command reached the executor',
    );
    expect(decodeEvent(ExecuteInBackground, record).data).toMatchObject({
      executionId: id,
      tenantId: installed.tenantId,
      function: 'greet',
      trigger: 'call',
      attempt: 1,
      revision: 1,
      input: { name: 'Ada' },
      context: { page: 1 },
    });
  });

  it('are refused when the installation is not there, not active or not this tenant’s', async () => {
    const paused = await install(db, { tenantId: installed.tenantId, status: 'inactive' });
    const foreign = await install(db);
    const of = (id: string) => executions.queue(caller(), id, {});

    await expect(of(paused.installationId)).rejects.toEqual(refusal('NOT_ACTIVE'));
    await expect(of(foreign.installationId)).rejects.toEqual(refusal('INSTALLATION_NOT_FOUND'));
    await expect(of('nonsense')).rejects.toEqual(refusal('INSTALLATION_NOT_FOUND'));
  });

  it('are refused for a function that is not there', async () => {
    await expect(
      executions.queue(caller(), installed.installationId, { function: 'constructor' }),
    ).rejects.toEqual(refusal('FUNCTION_NOT_FOUND'));
  });

  it('are refused while the version is quarantined', async () => {
    const { tenantId, installationId, pluginId, versionId } = await install(db);
    await db.tx(tenantId, (tx) =>
      tx.query(
        `insert into quarantines (id, tenant_id, plugin_id, version_id, reason, created_by) values ($1, $2, $3, $4, 'evil', 'x')`,
        [newId(), tenantId, pluginId, versionId],
      ),
    );

    await expect(executions.queue(caller(tenantId), installationId, {})).rejects.toEqual(
      refusal('QUARANTINED'),
    );
  });
});

describe('lists of executions', () => {
  it('are newest first, page by page, with filters', async () => {
    const { tenantId, installationId } = await install(db);
    const ids: string[] = [];
    for (let count = 0; count < 5; count++)
      ids.unshift((await executions.queue(caller(tenantId), installationId, {})).executionId);
    const first = await executions.list(tenantId, { limit: 2 });
    const second = await executions.list(tenantId, { limit: 2, cursor: first.page.next ?? '' });
    const last = await executions.list(tenantId, { limit: 2, cursor: second.page.next ?? '' });
    const back = await executions.list(tenantId, { limit: 2, cursor: second.page.prev ?? '' });

    expect([first, second, last].flatMap(({ data }) => data.map(({ id }) => id))).toEqual(ids);
    expect(back.data).toEqual(first.data);
    expect([first.page.prev, last.page.next]).toEqual([null, null]);
    const count = async (query: object) => (await executions.list(tenantId, query)).data.length;
    expect(await count({ status: 'failed' })).toBe(0);
    expect(await count({ status: 'queued', trigger: 'call', installation: installationId })).toBe(5);
    expect(await count({ since: '2999-01-01T00:00:00Z' })).toBe(0);
    await expect(count({ since: '2030-W05' })).rejects.toEqual(refusal('INVALID_REQUEST'));
  });

  it('refuse a cursor of somebody else’s making', async () => {
    await expect(executions.list(installed.tenantId, { cursor: 'x' })).rejects.toEqual(
      refusal('INVALID_CURSOR'),
    );
  });

  it('never show those of another tenant', async () => {
    const id = await queue();

    expect((await executions.list(newId(), {})).data).toEqual([]);
    await expect(executions.get(newId(), id)).rejects.toEqual(refusal('EXECUTION_NOT_FOUND'));
    await expect(executions.get(installed.tenantId, 'nonsense')).rejects.toEqual(
      refusal('EXECUTION_NOT_FOUND'),
    );
  });
});

describe('a cancel', () => {
  it('asks the executor and says what it did', async () => {
    const id = await queue();
    outcome = 'cancelled';
    expect(await executions.cancel(installed.tenantId, id)).toEqual({ executionId: id, status: 'cancelled' });
    outcome = 'killing';
    expect(await executions.cancel(installed.tenantId, id)).toEqual({ executionId: id, status: 'running' });
    expect(commands.at(-1)).toMatchObject({ key: installed.installationId, headers: { command: 'cancel' } });
  });

  it('is refused when the execution has ended, here or at the executor', async () => {
    const [ended, ending] = [await queue(), await queue()];
    await end(ended, 'succeeded');
    outcome = 'ended';

    await expect(executions.cancel(installed.tenantId, ended)).rejects.toEqual(refusal('EXECUTION_ENDED'));
    await expect(executions.cancel(installed.tenantId, ending)).rejects.toEqual(refusal('EXECUTION_ENDED'));
    await expect(executions.cancel(newId(), ending)).rejects.toEqual(refusal('EXECUTION_NOT_FOUND'));
  });

  it('is unavailable when nobody answers', async () => {
    const id = await queue();
    outcome = 'silent';

    await expect(executions.cancel(installed.tenantId, id)).rejects.toEqual(refusal('UNAVAILABLE'));
  });
});
