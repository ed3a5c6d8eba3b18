import { encodeEvent } from '@mortise/bus';
import { ExecuteInBackground, type ExecuteCommand, type InstallationStateData } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../test/builders.js';
import { ExecutorUnderTest } from '../test/executor-under-test.js';

const briefly = 'export const run = () => new Promise((resolve) => setTimeout(resolve, 5));';

describe('an executor that a tenant floods', () => {
  let executor: ExecutorUnderTest;
  beforeAll(async () => {
    executor = await ExecutorUnderTest.start({
      EXECUTOR_BACKGROUND_SLOTS: '4',
      EXECUTOR_BACKGROUND_ROOM: '64',
      EXECUTOR_INTERACTIVE_SLOTS: '8',
    });
  });
  afterAll(() => executor.close());

  const queue = (commands: ExecuteCommand[]) =>
    executor.bus.send(commands.map((one) => encodeEvent(ExecuteInBackground, one)));
  const some = (state: InstallationStateData, count: number) =>
    Array.from({ length: count }, () => command(state));
  /** Each once, also where it was told twice. */
  const ended = ({ installationId }: InstallationStateData) => [
    ...new Map(
      executor.events
        .filter((data) => data.installationId === installationId && data.status === 'succeeded')
        .map((data) => [data.executionId, data]),
    ).values(),
  ];
  const putOff = () =>
    executor.db.system(async (tx) => {
      const rows = await tx.query<{ due: Date }[]>(
        `select due_at as due from outbox where topic = 'executions.background'`,
      );
      return rows.map(({ due }) => due);
    });

  it('puts off what is too much, with a time, runs a second tenant meanwhile and loses nothing', async () => {
    const flooding = await executor.install(briefly);
    const second = await executor.install(briefly);
    const flood = some(flooding, 200);

    // A command is finished, for whoever sent it, when it has run or is put off.
    const sent = queue(flood);
    await until(async () => (await putOff()).length > 100, 'most of the flood is put off');
    const due = await putOff();
    await queue(some(second, 10));
    const floodedBefore = ended(flooding).length;

    expect(due.every((at) => at.getTime() > Date.now() - 5_000)).toBe(true);
    expect(ended(second)).toHaveLength(10);
    expect(floodedBefore).toBeLessThan(200);
    await sent;
    await until(() => ended(flooding).length === 200, 'the flood has run', 30_000);
    expect(new Set(ended(flooding).map(({ executionId }) => executionId)).size).toBe(200);
  });

  it('runs what was cancelled while it was put off not at all', async () => {
    const flooding = await executor.install(briefly);
    const flood = some(flooding, 100);
    void queue(flood);
    await until(async () => (await putOff()).length > 40, 'some are put off');
    const last = flood.at(-1) as ExecuteCommand;

    const answer = await executor.ask('cancel', flooding.installationId, {
      executionId: last.executionId,
      tenantId: flooding.tenantId,
      installationId: flooding.installationId,
      acceptedAt: last.acceptedAt,
      function: 'run',
      pluginId: flooding.pluginId,
      version: flooding.version,
      trigger: 'call',
      attempt: 1,
    });

    expect(answer).toEqual({ outcome: 'cancelled' });
    await until(() => ended(flooding).length === 99, 'the others have run', 30_000);
    expect(ended(flooding).some(({ executionId }) => executionId === last.executionId)).toBe(false);
  });

  it('runs as many calls of an installation as its limit says, whoever sent them, and refuses the rest', async () => {
    const state = await executor.install(
      'let now = 0; export const run = async () => { const most = ++now; await new Promise((r) => setTimeout(r, 150)); now--; return most; };',
      { limits: { concurrency: 2 } },
    );

    const replies = await Promise.all(Array.from({ length: 7 }, () => executor.execute(state)));

    const ran = replies.filter((reply) => reply.status === 'succeeded');
    const refused = replies.filter((reply) => reply.status === 'refused');
    expect(ran).toHaveLength(4);
    expect(ran.every(({ result }) => Number(result) <= 2)).toBe(true);
    expect(refused.map(({ refusal }) => refusal)).toEqual(
      [1, 2, 3].map(() => ({
        code: 'OVER_QUOTA',
        details: {
          limit: 'concurrency',
          value: 2,
          raise: 'Set limits.concurrency in the manifest or of the installation: up to 64',
        },
      })),
    );
  });

  it('refuses calls of a tenant that holds its part of the slots, and runs those of another', async () => {
    const tenantId = newId();
    const slow = 'export const run = () => new Promise((resolve) => setTimeout(resolve, 300));';
    const states = await Promise.all([1, 2, 3].map(() => executor.install(slow, { tenantId })));
    const other = await executor.install('export const run = () => 1;');

    const asked = states.flatMap((state) => [1, 2, 3, 4].map(() => executor.execute(state)));
    const elsewhere = await executor.execute(other);
    const replies = await Promise.all(asked);

    expect(elsewhere).toMatchObject({ status: 'succeeded' });
    expect(replies.filter(({ status }) => status === 'succeeded')).toHaveLength(8);
    expect(replies.filter(({ status }) => status === 'refused')).toHaveLength(4);
  });
});
