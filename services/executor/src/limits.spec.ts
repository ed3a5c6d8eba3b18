import { decodeEvent, encodeEvent } from '@mortise/bus';
import {
  ExecuteInBackground,
  LimitExceeded,
  SecurityViolation,
  type InstallationStateData,
  type InteractiveReply,
} from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../test/builders.js';
import { ExecutorUnderTest } from '../test/executor-under-test.js';

let executor: ExecutorUnderTest;
beforeAll(async () => (executor = await ExecutorUnderTest.start()));
afterAll(() => executor.close());

const evidenceOf = (installationId: string) =>
  executor.evidence.filter(({ value }) => value?.includes(installationId));
const limitsTold = (id: string) =>
  evidenceOf(id)
    .filter(({ headers }) => headers['ce_type'] === LimitExceeded.type)
    .map((record) => decodeEvent(LimitExceeded, record).data);
const killsTold = (id: string) =>
  evidenceOf(id)
    .filter(({ headers }) => headers['ce_type'] === SecurityViolation.type)
    .map((record) => decodeEvent(SecurityViolation, record).data);

/** To all workers of this process, which run from a folder that names it. */
function signalWorkers(signal: NodeJS.Signals): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (/^\S*node\0/.test(line) && line.includes(`mortise-sandbox-${process.pid}-`))
        process.kill(Number(pid), signal);
    } catch {
      // It has just ended.
    }
  }
}

const refused = (replies: InteractiveReply[]) => replies.find(({ status }) => status === 'refused');

describe('the limit cpuPercent', () => {
  const burns = `export const run = (steps) => { let sum = 0; for (let n = 0; n < steps; n++) sum += n % 7; return sum; };`;

  async function callUntilRefused(state: InstallationStateData): Promise<InteractiveReply[]> {
    const replies: InteractiveReply[] = [];
    while (!refused(replies) && replies.length < 60)
      replies.push(await executor.execute(state, { input: 1e8 }));
    return replies;
  }

  it('refuses calls of an installation that used its share, leaves others alone, and lets it go on later', async () => {
    const state = await executor.install(burns, { limits: { cpuPercent: 10 } });
    const other = await executor.install('export const run = () => 1;', { tenantId: state.tenantId });

    const replies = await callUntilRefused(state);

    expect(refused(replies)).toMatchObject({
      refusal: {
        code: 'OVER_QUOTA',
        details: {
          limit: 'cpuPercent',
          value: 10,
          raise: 'Set limits.cpuPercent in the manifest or of the installation: up to 100',
        },
      },
    });
    expect(replies.length).toBeGreaterThan(1);
    expect(await executor.execute(other)).toMatchObject({ status: 'succeeded' });
    const [told] = await until(() => limitsTold(state.installationId), 'it was told');
    expect(told).toMatchObject({ limit: 'cpuPercent', value: 10, tenantId: state.tenantId });
    expect(told?.used).toBeGreaterThanOrEqual(10);
    await until(
      async () => (await executor.execute(state, { input: 1 })).status === 'succeeded',
      'it runs again',
      20_000,
    );
  });

  it('lets background runs wait for their share, and loses none', async () => {
    const state = await executor.install(burns, { limits: { cpuPercent: 20 } });
    await callUntilRefused(state);
    const commands = Array.from({ length: 5 }, () => command(state, { input: 1 }));

    const sent = executor.bus.send(commands.map((one) => encodeEvent(ExecuteInBackground, one)));

    await until(
      () =>
        commands.every(({ executionId }) =>
          executor.events.some((data) => data.executionId === executionId && data.status === 'succeeded'),
        ),
      'all have run',
      20_000,
    );
    await sent;
  });
});

describe('a worker that had to be killed', () => {
  const hangs = 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)';

  it('is told of once, with the evidence, and what the guilty run used is in its record', async () => {
    const state = await executor.install(`export const run = () => ${hangs};`, {
      limits: { timeoutMs: 500 },
    });
    const executionId = newId();

    const reply = await executor.execute(state, {}, { executionId });

    expect(reply).toMatchObject({
      status: 'timed_out',
      error: {
        code: 'EXECUTION_TIMED_OUT',
        details: {
          limit: 'timeoutMs',
          value: 500,
          raise: expect.stringContaining('limits.timeoutMs') as string,
        },
      },
    });
    await until(() => killsTold(state.installationId).length > 0, 'it was told');
    expect(killsTold(state.installationId)).toMatchObject([
      {
        executionId,
        tenantId: state.tenantId,
        digest: state.digest,
        kill: { reason: 'deadline', blamed: true, neighbours: 0 },
      },
    ]);
    const { usage } = await executor.event(executionId, 'timed_out');
    expect(usage?.wallMs).toBeGreaterThanOrEqual(500);
    expect(usage?.cpuMs).toBeGreaterThan(100);
  });

  it('is told as well when its worker got the processor only after the answer', async () => {
    const state = await executor.install(`export const run = () => ${hangs};`, {
      limits: { timeoutMs: 500 },
    });
    const executionId = newId();

    const reply = executor.execute(state, {}, { executionId });
    await delay(300);
    signalWorkers('SIGSTOP');
    const { status } = await reply;
    await delay(200);
    const toldWithIt = killsTold(state.installationId);
    signalWorkers('SIGCONT');

    expect(status).toBe('timed_out');
    expect(toldWithIt).toEqual([]);
    await until(() => killsTold(state.installationId).length > 0, 'it was told');
    expect(killsTold(state.installationId)).toMatchObject([
      { executionId, kill: { reason: 'deadline', blamed: true } },
    ]);
  });

  it('says of memory what the run may have, and that it used it', async () => {
    const state = await executor.install(
      'export const run = () => { const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1)); };',
      { limits: { memoryMb: 32, timeoutMs: 20_000 } },
    );
    const executionId = newId();

    const reply = await executor.execute(state, {}, { executionId, waitMs: 20_000 });

    expect(reply).toMatchObject({
      status: 'out_of_memory',
      error: { details: { limit: 'memoryMb', value: 32 } },
    });
    const { usage } = await executor.event(executionId, 'out_of_memory');
    expect(usage?.peakHeapMb).toBeGreaterThanOrEqual(32);
    await until(() => limitsTold(state.installationId).length > 0, 'it was told');
    expect(limitsTold(state.installationId)).toMatchObject([{ limit: 'memoryMb', value: 32, executionId }]);
  });

  it('counts against no neighbour, and is told of no plugin that only failed', async () => {
    const tenantId = newId();
    const guilty = await executor.install(`export const run = () => ${hangs};`, {
      tenantId,
      limits: { timeoutMs: 400 },
    });
    const waits = 'export const run = () => new Promise((resolve) => setTimeout(resolve, 900, 1));';
    const functions = { run: { idempotent: true } };
    const neighbour = await executor.install(waits, { tenantId, functions });
    const fails = await executor.install('export const run = () => { throw new Error(); };', { tenantId });
    await executor.execute(neighbour);

    const waiting = Array.from({ length: 5 }, () => executor.execute(neighbour));
    const [hung, failed] = await Promise.all([executor.execute(guilty), executor.execute(fails)]);

    expect(hung.status).toBe('timed_out');
    expect(failed.status).toBe('failed');
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(5).fill('succeeded'));
    await until(() => killsTold(guilty.installationId).length > 0, 'the kill was told');
    expect(killsTold(neighbour.installationId)).toEqual([]);
    expect(killsTold(fails.installationId)).toEqual([]);
  });
});
