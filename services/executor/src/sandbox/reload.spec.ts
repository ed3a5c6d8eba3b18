import { encodeEvent } from '@mortise/bus';
import { Control, type InstallationStateData } from '@mortise/contracts';
import { metrics, scrape } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExecutorUnderTest } from '../../test/executor-under-test.js';

/** Answers which code it is, after a host call and some time in the isolate. */
const version = (name: string) => `export const run = async (input, ctx) => {
  await ctx.storage.set('n', input.n);
  await new Promise((after) => setTimeout(after, input.n % 7));
  return { n: input.n, version: '${name}' };
};`;

describe('an installation that changes under load', () => {
  let executor: ExecutorUnderTest;
  beforeAll(async () => {
    executor = await ExecutorUnderTest.start();
  });
  afterAll(() => executor.close());

  /** Calls without a pause until told to stop. @returns what each answered */
  function load(current: () => InstallationStateData, callers: number) {
    let stopped = false;
    let n = 0;
    const answers: { status: string; result?: { n: number; version: string } }[] = [];
    const caller = async () => {
      while (!stopped) {
        const input = { n: n++ };
        const reply = await executor.execute(current(), { input });
        const result =
          reply.status === 'succeeded'
            ? (JSON.parse(reply.result) as { n: number; version: string })
            : undefined;
        answers.push({ status: reply.status, ...(result && { result }) });
        if (result) expect(result.n).toBe(input.n);
      }
    };
    const done = Promise.all(Array.from({ length: callers }, caller));
    return { answers, stop: () => ((stopped = true), done) };
  }

  it('loses no execution when a new digest takes over while the old one drains', async () => {
    let state = await executor.install(version('0'), { limits: { concurrency: 64 } });
    const calls = load(() => state, 8);
    for (let next = 1; next <= 10; next++) {
      await until(() => calls.answers.length >= next * 40, 'some calls are through');
      const digest = await executor.store('packages', version(String(next)));
      const newer = { ...state, digest, revision: state.revision + 1 };
      await executor.announce(newer);
      state = newer;
    }
    await until(() => calls.answers.at(-1)?.result?.version === '10', 'the last version answers');
    await calls.stop();

    expect(calls.answers.filter(({ status }) => status !== 'succeeded')).toEqual([]);
    expect(new Set(calls.answers.map(({ result }) => result?.version)).size).toBe(11);
  });

  it('loses no execution when it is reloaded again and again', async () => {
    const state = await executor.install(version('same'), { limits: { concurrency: 64 } });
    const calls = load(() => state, 8);
    for (let reload = 1; reload <= 20; reload++) {
      await until(() => calls.answers.length >= reload * 20, 'some calls are through');
      const data = { action: 'reload' as const, target: state.installationId };
      await executor.bus.send([encodeEvent(Control, data, { source: '/test' })]);
    }
    await calls.stop();

    expect(calls.answers.length).toBeGreaterThanOrEqual(400);
    expect(calls.answers.filter(({ status }) => status !== 'succeeded')).toEqual([]);
  });

  it('is warm before its first call when its tenant has a worker', async () => {
    const first = await executor.install('export const run = () => 1');
    await executor.execute(first);
    const cold = await counted('mortise_sandbox_cold_starts_total');

    const second = await executor.install('export const run = () => 2', { tenantId: first.tenantId });
    await until(async () => (await gauge('mortise_sandbox_isolates{state="warm"}')) >= 2, 'it is warm');
    expect(await executor.execute(second)).toMatchObject({ status: 'succeeded', result: '2' });

    expect(await counted('mortise_sandbox_cold_starts_total')).toBe(cold);
  });

  it('is seen by operators: walls, workers, isolates and the processor time of tenants', async () => {
    const text = await scrape();

    expect(text).toMatch(/mortise_sandbox_walls\{wall="nodePermissions"[^}]*\} 1/);
    expect(text).toMatch(/mortise_sandbox_workers\{lane="fast"[^}]*\} [1-9]/);
    expect(text).toMatch(/mortise_sandbox_worker_memory_bytes\{worker="0"[^}]*\} [1-9]/);
    expect(text).toMatch(/mortise_sandbox_isolates\{state="blank"[^}]*\} [1-9]/);
    expect(text).toContain('# TYPE mortise_tenant_cpu_seconds gauge');
    const ready = (await (await fetch(`${executor.url}/readyz`)).json()) as { details: { walls: object } };
    expect(ready.details.walls).toMatchObject({ nodePermissions: true, jitless: false });
  });

  const gauge = async (name: string) => Number((await scrape()).split(`${name} `)[1]?.split('\n')[0] ?? 0);
  const counted = (name: Parameters<typeof metrics.counter>[0]) => gauge(name);
});
