import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// eslint-disable-next-line @nx/enforce-module-boundaries -- tools are no project: nothing ships from there
import { clusterDown, clusterUp } from '../../../../tools/cluster/cluster.ts';
import { Client } from '../client.js';

const main = `
export async function work(input, ctx) {
  await new Promise((resolve) => setTimeout(resolve, 400));
  const runs = ((await ctx.storage.get('runs/' + input)) ?? 0) + 1;
  await ctx.storage.set('runs/' + input, runs);
  return runs;
}
export async function runs(input, ctx) {
  const counts = [];
  for (const key of (await ctx.storage.list('runs/')).keys) counts.push(await ctx.storage.get(key));
  return counts;
}`;

// A cluster of its own: the others must not lose an executor in the middle.
describe('a cluster that loses an executor', () => {
  let folder: string;
  let client: Client;
  let pids: Record<string, number>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mortise-takeover-'));
    const state = await clusterUp(folder);
    client = new Client(state.adminKey ?? '', state.url ?? '');
    pids = state.pids;
  }, 120_000);
  afterAll(async () => {
    await clusterDown(folder);
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('ends every accepted execution once, and goes on answering', async () => {
    // Several installations, so that both executors have work.
    const installations = await Promise.all(Array.from({ length: 4 }, () => client.deploy({ main })));
    const accepted: string[] = [];
    for (let index = 0; index < 40; index++) {
      const { id } = installations[index % installations.length] as { id: string };
      const answer = await client.post(
        `/installations/${id}/execute`,
        { function: 'work', input: index },
        { prefer: 'respond-async' },
      );
      expect(answer.status).toBe(202);
      accepted.push(answer.body.executionId);
    }
    await until(
      async () => (await client.get(`/executions/${accepted[0]}`)).body.status === 'succeeded',
      'the first one ends',
      30_000,
    );

    process.kill(pids['executor-0'] as number, 'SIGKILL');

    await until(
      async () => {
        const records = await Promise.all(accepted.map((id) => client.get(`/executions/${id}`)));
        return records.every(({ body }) => body.status === 'succeeded');
      },
      'all of them end',
      90_000,
    );
    for (const { id } of installations) {
      await until(
        async () => (await client.execute(id, 'runs')).status === 200,
        'calls are answered',
        30_000,
      );
      const counts = (await client.execute(id, 'runs')).body.result as number[];
      expect(counts).toHaveLength(10);
      // Only what the process died in may run again.
      expect(Math.max(...counts)).toBeLessThanOrEqual(2);
    }
  }, 180_000);
});
