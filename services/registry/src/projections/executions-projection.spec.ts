import type { ExecutionData } from '@mortise/contracts';
import { uuidTime } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { newId } from '@mortise/service-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, registryDatabase, type Installed } from '../../test/installed.js';
import { executionRow } from '../executions/executions.queries.js';
import { projectCommands, projectExecutions } from './executions-projection.js';

let db: Database;
let close: () => Promise<void>;
let installed: Installed;
beforeAll(async () => {
  ({ db, close } = await registryDatabase());
  installed = await install(db);
});
afterAll(() => close());

const startedAt = '2030-01-01T00:00:01.000Z';
const finishedAt = '2030-01-01T00:00:02.000Z';
const step = (executionId: string, rest: Partial<ExecutionData>): ExecutionData => ({
  executionId,
  tenantId: installed.tenantId,
  installationId: installed.installationId,
  pluginId: installed.pluginId,
  version: '1.0.0',
  function: 'greet',
  trigger: 'call',
  status: 'queued',
  attempt: 1,
  acceptedAt: new Date(uuidTime(executionId)).toISOString(),
  ...rest,
});
const row = (id: string) => db.tx(installed.tenantId, (tx) => executionRow(tx, installed.tenantId, id));
const noAnswer = { status: 'timed_out', error: { code: 'NO_ANSWER', message: 'nobody' } } as const;

describe('records of executions', () => {
  const life = (id: string): ExecutionData[] => [
    step(id, {}),
    step(id, { status: 'running', startedAt }),
    step(id, { status: 'succeeded', finishedAt, result: '{"n":1}' }),
  ];
  const done = { status: 'succeeded', attempt: 1, result: { n: 1 }, started_at: new Date(startedAt) };

  it('show where an execution got to when its steps come in one batch, in any order', async () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const id = newId();
      const steps = life(id);
      await projectExecutions(
        db,
        order.map((index) => steps[index] as ExecutionData),
      );

      expect(await row(id)).toMatchObject(done);
    }
  });

  it('show it when the steps come one by one, and stay as they are when all come again', async () => {
    const id = newId();
    for (const one of [...life(id), ...life(id)]) await projectExecutions(db, [one]);

    expect(await row(id)).toMatchObject({ ...done, finished_at: new Date(finishedAt) });
  });

  it('do not go back to an older step', async () => {
    const id = newId();
    const [queued, running, succeeded] = life(id);
    await projectExecutions(db, [succeeded as ExecutionData]);
    await projectExecutions(db, [running as ExecutionData]);
    await projectExecutions(db, [queued as ExecutionData]);

    expect(await row(id)).toMatchObject({ status: 'succeeded' });
  });

  it('start again at queued with the next attempt, and ignore what the last one still says', async () => {
    const id = newId();
    const error = { code: 'EXECUTION_FAILED', message: 'once' };
    await projectExecutions(db, [step(id, { status: 'running', startedAt })]);
    await projectExecutions(db, [step(id, { attempt: 2, error, nextAttemptAt: finishedAt })]);
    await projectExecutions(db, [step(id, { status: 'failed', error })]);

    expect(await row(id)).toMatchObject({ status: 'queued', attempt: 2, error, started_at: null });
  });

  it('prefer what the executor says to the timeout nobody answered', async () => {
    const [early, late, together] = [newId(), newId(), newId()];
    await projectExecutions(db, [step(early, noAnswer)]);
    await projectExecutions(db, [step(early, { status: 'succeeded', result: '1' })]);
    await projectExecutions(db, [step(late, { status: 'failed' })]);
    await projectExecutions(db, [step(late, noAnswer)]);
    await projectExecutions(db, [step(together, noAnswer), step(together, { status: 'succeeded' })]);

    expect(await row(early)).toMatchObject({ status: 'succeeded', result: 1, error: null });
    expect(await row(late)).toMatchObject({ status: 'failed' });
    expect(await row(together)).toMatchObject({ status: 'succeeded' });
  });

  it('keep the timeout when the executor only says that it started', async () => {
    const id = newId();
    await projectExecutions(db, [step(id, noAnswer)]);
    await projectExecutions(db, [step(id, { status: 'running', startedAt })]);

    expect(await row(id)).toMatchObject({ status: 'timed_out' });
  });

  it('hold results that PostgreSQL would refuse', async () => {
    const id = newId();
    await projectExecutions(db, [
      step(id, {
        status: 'succeeded',
        result: String.raw`["a\u0000b","\ud800","\\u0000"]`,
        triggerName: 'a\0',
      }),
    ]);

    expect(await row(id)).toMatchObject({
      result: ['a\ufffdb', '\ufffd', '\\u0000'],
      trigger_name: 'a\ufffd',
    });
  });

  it("are not touched by another tenant's event of the same id", async () => {
    const id = newId();
    await projectExecutions(db, [step(id, {})]);
    await projectExecutions(db, [step(id, { status: 'succeeded', tenantId: newId() })]);

    expect(await row(id)).toMatchObject({ status: 'queued' });
  });

  it('are made by background commands, with the version that is installed, and only then', async () => {
    const [known, unknown, foreign] = [newId(), newId(), newId()];
    const command = (executionId: string, tenantId = installed.tenantId) => ({
      executionId,
      tenantId,
      installationId: installed.installationId,
      acceptedAt: new Date(uuidTime(executionId)).toISOString(),
      function: 'greet',
      trigger: 'job' as const,
      triggerName: 'nightly',
      attempt: 1,
    });
    await projectExecutions(db, [step(known, { status: 'succeeded' })]);
    await projectCommands(db, [
      command(known),
      command(unknown),
      command(unknown),
      command(foreign, newId()),
    ]);

    expect(await row(known)).toMatchObject({ status: 'succeeded' });
    expect(await row(unknown)).toMatchObject({
      status: 'queued',
      version: '1.0.0',
      plugin_id: installed.pluginId,
      trigger_name: 'nightly',
    });
    expect(await row(foreign)).toBeUndefined();
  });
});
