import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@mortise/database';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// eslint-disable-next-line @nx/enforce-module-boundaries -- tools are no project: nothing ships from there
import { clusterDown, clusterUp, readState, startedAgain } from '../../../../tools/cluster/cluster.ts';
import { Client, fresh, type Answer } from '../client.js';

const leaseMs = 2_000;
const main = `
export async function work(input, ctx) {
  const runs = ((await ctx.storage.get('runs/' + input)) ?? 0) + 1;
  await ctx.storage.set('runs/' + input, runs);
  await new Promise((resolve) => setTimeout(resolve, input.startsWith('short') ? 20 : 3000));
  return input;
}
export async function onCreated(event, ctx) { return work(event.data.name, ctx); }
export async function runs(input, ctx) {
  const counts = {};
  for (const key of (await ctx.storage.list('runs/')).keys) counts[key.slice(5)] = await ctx.storage.get(key);
  return counts;
}
export function echo(input) { return input; }`;

// A cluster of its own: the others must not lose a process in the middle.
describe('a cluster that loses a process', () => {
  let folder: string;
  let client: Client;
  let databaseUrl: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mortise-faults-'));
    const state = await clusterUp(folder, { env: { EXECUTOR_LEASE_MS: String(leaseMs) } });
    client = new Client(state.adminKey ?? '', state.url ?? '');
    databaseUrl = state.databaseUrl ?? '';
  }, 120_000);
  afterAll(async () => {
    await clusterDown(folder);
    if (!process.env.KEEP) await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const pidOf = async (name: string) => (await readState(folder))?.pids[name] as number;

  /** Ends a process without a word; resolves with how to wait until it is back. */
  const kill = async (name: string): Promise<{ back: () => Promise<number> }> => {
    const pid = await pidOf(name);
    process.kill(pid, 'SIGKILL');
    return { back: () => startedAgain(folder, name, pid) };
  };

  const deploy = (more: Record<string, unknown> = {}) =>
    client.deploy({
      main,
      manifest: {
        slug: fresh('fault'),
        functions: { work: {}, onCreated: {}, runs: {}, echo: {} },
        ...more,
      },
    });

  /** The process that has claimed and not ended the most background executions, and which those are. */
  const busiest = async (): Promise<{ owner: string; held: string[] }> => {
    const database = await connect(databaseUrl, 'faults-test');
    try {
      await database.query('set role mortise_executor_system');
      const { rows } = await database.query<{ owner: string; held: string[] }>(
        `select owner, array_agg(execution_id::text) as held from executor.runs
         where outcome is null group by owner order by count(*) desc limit 1`,
      );
      return rows[0] ?? { owner: '', held: [] };
    } finally {
      await database.end();
    }
  };

  /** Executions by id, each with its input; every second one is short. */
  const queue = async (ids: string[], count: number): Promise<Map<string, string>> => {
    const accepted = new Map<string, string>();
    for (let index = 0; index < count; index++) {
      const input = `${Math.floor(index / ids.length) % 2 ? 'long' : 'short'}-${index}`;
      const answer = await client.post(
        `/installations/${ids[index % ids.length]}/execute`,
        { function: 'work', input },
        { prefer: 'respond-async' },
      );
      expect(answer.status).toBe(202);
      accepted.set(answer.body.executionId, input);
    }
    return accepted;
  };

  interface Listed {
    id: string;
    function: string;
    status: string;
  }
  const records = async (id: string): Promise<Listed[]> => {
    const answer = await client.get(`/executions?installation=${id}&limit=200`).catch(() => undefined);
    const listed = answer?.status === 200 ? (answer.body.data as Listed[]) : [];
    return listed.filter((record) => record.function === 'work');
  };
  const allRecords = async (ids: string[]) => (await Promise.all(ids.map(records))).flat();

  /** Waits until each accepted execution has ended; gives how often each input was run. */
  const settled = async (ids: string[], accepted: Map<string, string>): Promise<Record<string, number>> => {
    let last: Listed[] = [];
    await until(
      async () => {
        last = await allRecords(ids);
        return last.length >= accepted.size && last.every(({ status }) => status === 'succeeded');
      },
      'every accepted execution ends',
      30_000,
    );
    expect(last.map(({ id }) => id).sort()).toEqual([...accepted.keys()].sort());
    return Object.assign({}, ...(await Promise.all(ids.map(runsOf)))) as Record<string, number>;
  };
  const runsOf = async (id: string): Promise<Record<string, number>> => {
    let answer: Answer | undefined;
    await until(
      async () => (answer = await client.execute(id, 'runs').catch(() => undefined))?.status === 200,
      'calls are answered',
      20_000,
    );
    return answer?.body.result as Record<string, number>;
  };

  it('ends every background execution once when an executor is killed in it, and runs no finished one again', async () => {
    const ids = await Promise.all([1, 2, 3, 4].map(async () => (await deploy()).id));
    const accepted = await queue(ids, 24);
    let finished: Listed[] = [];
    let victim = { owner: '', held: [] as string[] };
    await until(async () => {
      finished = (await allRecords(ids)).filter(({ status }) => status === 'succeeded');
      victim = await busiest();
      return finished.length > 0 && victim.held.some((id) => accepted.get(id)?.startsWith('long'));
    }, 'one has ended and one is at work in the process that will die');

    const { back } = await kill(victim.owner.split('/')[0] as string);
    const runs = await settled(ids, accepted);
    const timesRun = (execution: string) => runs[accepted.get(execution) as string];

    expect(finished.map(({ id }) => timesRun(id))).toEqual(finished.map(() => 1));
    expect(victim.held.map(timesRun)).toContain(2);
    // Only what the process died in may run again.
    expect(Math.max(...Object.values(runs))).toBeLessThanOrEqual(2);
    expect(Object.keys(runs)).toHaveLength(24);
    await back();
  }, 60_000);

  it('answers calls again when one of two executors is killed; none of those in between is lost without a word', async () => {
    const { id } = await deploy({ limits: { timeoutMs: 2_000 } });
    const before = await client.execute(id, 'echo', 0);
    const { back } = await kill('executor-1');

    let answered = 0;
    const between: Answer[] = [];
    await until(
      async () => {
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, index) => client.execute(id, 'echo', index)),
        );
        between.push(...answers);
        answered = answers.every(({ status }) => status === 200) ? answered + 1 : 0;
        return answered >= 5;
      },
      'eight calls at a time are answered five times in a row',
      30_000,
    );
    await back();

    expect(before.status).toBe(200);
    const lost = between.filter(({ status }) => status !== 200);
    for (const { status, body } of lost) {
      expect([503, 504]).toContain(status);
      expect(body.executionId).toEqual(expect.any(String));
    }
    for (const { body } of lost.slice(0, 3))
      expect((await client.ended(body.executionId)).body.status).toBe('timed_out');
  }, 60_000);

  it('runs the hooks of every accepted event once when the scheduler is killed right after', async () => {
    const { id } = await deploy({ events: [{ on: 'fault.user.created', function: 'onCreated' }] });
    const names = Array.from({ length: 12 }, (_, index) => `e${index}`);
    for (const name of names) {
      const sent = await client.post(
        '/events',
        { specversion: '1.0', id: fresh('e'), source: 'app', type: 'fault.user.created', data: { name } },
        { 'content-type': 'application/cloudevents+json' },
      );
      expect(sent.status).toBe(202);
    }
    const { back } = await kill('scheduler-0');
    await back();

    await until(
      async () => Object.keys(await runsOf(id)).length === names.length,
      'the hook ran for each event',
      30_000,
    );
    expect(await runsOf(id)).toEqual(Object.fromEntries(names.map((name) => [name, 1])));
  }, 60_000);

  it('has the record of every queued execution when the registry is killed in between', async () => {
    const ids = [(await deploy()).id];
    const accepted = await queue(ids, 12);

    const { back } = await kill('registry-0');
    // What runs needs no registry.
    expect((await client.execute(ids[0] as string, 'echo', 'still')).body.result).toBe('still');
    await back();

    const runs = await settled(ids, accepted);
    expect(Object.values(runs)).toEqual(Object.values(runs).map(() => 1));
    expect(Object.keys(runs)).toHaveLength(12);
  }, 60_000);

  it('goes on by itself when PostgreSQL was killed and came back', async () => {
    const services = ['registry-0', 'scheduler-0', 'executor-0', 'executor-1', 'gateway-0'];
    const before = await Promise.all(services.map(pidOf));
    const ids = [(await deploy()).id];
    const accepted = await queue(ids, 12);

    const { back } = await kill('postgres');
    await back();

    const runs = await settled(ids, accepted);
    expect(Object.keys(runs)).toHaveLength(12);
    expect(Math.max(...Object.values(runs))).toBeLessThanOrEqual(2);
    expect((await deploy()).id).toEqual(expect.any(String));
    expect(await Promise.all(services.map(pidOf))).toEqual(before);
  }, 60_000);
});
