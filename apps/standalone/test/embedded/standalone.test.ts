import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../client.js';
import { freePort, pressCtrlC, spawnPlatform, startPlatform } from './platform.js';

/** Pids of everything that a process started, and what those started. */
function descendants(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const children = rows.filter(([, parent]) => parent === pid).map(([child]) => child as number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('make start', () => {
  let base: string;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'mortise-start-'));
  });
  afterEach(() => rm(base, { recursive: true, force: true }));

  /** Starts what cannot start; gives its words and exit code. */
  const refused = async (dataDir: string, port: number, env: Record<string, string> = {}) => {
    const { output, exited } = spawnPlatform(dataDir, port, env);
    const [code] = await exited;
    return { code, words: output().trim() };
  };

  it('greets in five lines, keeps its key to its owner, and stops at Ctrl-C with all it started', async () => {
    const dataDir = join(base, 'd');
    const platform = await startPlatform(dataDir, {}, { ownGroup: true });
    const pid = platform.child.pid ?? 0;
    const started = descendants(pid);
    const second = await refused(dataDir, await freePort());

    expect(platform.output().trim().split('\n')).toHaveLength(5);
    expect(platform.output()).toContain(platform.adminKey);
    expect(platform.output()).toContain(
      `next     MORTISE_URL=${platform.url} MORTISE_API_KEY=$(cat '${join(dataDir, 'admin-key')}') make demo`,
    );
    expect((await stat(join(dataDir, 'admin-key'))).mode & 0o777).toBe(0o600);
    expect(second.words).toContain('is in use by the Mortise with pid');
    expect(started.length).toBeGreaterThan(1);
    pressCtrlC(platform.child);
    expect(await platform.exited).toBe(0);
    await until(() => !started.some(alive), 'everything it started is gone');
    expect(await readFile(join(dataDir, 'mortise.log'), 'utf8')).not.toContain(platform.adminKey);
  });

  it('ends at once when it is asked twice while it starts, and starts from there the next time', async () => {
    const dataDir = join(base, 'd');
    const { child, exited } = spawnPlatform(dataDir, await freePort(), {}, { ownGroup: true });
    await until(() => existsSync(join(dataDir, 'postgres/postmaster.pid')), 'PostgreSQL runs');
    const started = descendants(child.pid ?? 0);
    pressCtrlC(child);
    child.kill('SIGTERM');
    const [code] = await exited;

    expect(code).toBe(1);
    await until(() => !started.some(alive), 'everything it started is gone');
    const again = await startPlatform(dataDir);
    expect(await again.stop()).toBe(0);
  });

  it('loses nothing that was accepted when it is killed, and leaves nobody behind', async () => {
    const dataDir = join(base, 'd');
    const first = await startPlatform(dataDir);
    const before = new Client(first.adminKey, first.url);
    const { id } = await before.deploy({
      main: `
        const pause = () => new Promise((r) => setTimeout(r, 300));
        export async function work(input, ctx) { await pause(); await ctx.storage.set('done/' + input, 1); return input; }
        export async function onOrder(event, ctx) { await pause(); await ctx.storage.set('done/order-' + event.data.n, 1); return event.data.n; }
        export async function done(input, ctx) { return (await ctx.storage.list('done/')).keys.length; }`,
      manifest: { events: [{ on: 'order.created', function: 'onOrder' }] },
    });
    const order = (n: number) => ({
      ...{ specversion: '1.0', id: `order-${n}`, source: 'shop', type: 'order.created' },
      data: { n },
    });
    const headers = { 'content-type': 'application/cloudevents+json' };
    const accepted: string[] = [];
    for (let index = 0; index < 30; index++) {
      const answer = await before.post(
        `/installations/${id}/execute`,
        { function: 'work', input: index },
        { prefer: 'respond-async' },
      );
      expect(answer.status).toBe(202);
      accepted.push(answer.body.executionId);
      expect((await before.post('/events', order(index), headers)).status).toBe(202);
    }
    const started = descendants(first.child.pid ?? 0);

    await first.stop('SIGKILL');
    const again = await startPlatform(dataDir);
    const after = new Client(again.adminKey, again.url);

    expect(again.output()).not.toContain(again.adminKey);
    for (const execution of accepted) expect((await after.ended(execution)).body.status).toBe('succeeded');
    // The sender who saw the platform die sends once more what it is not sure of.
    expect((await after.post('/events', order(29), headers)).status).toBe(202);
    expect((await after.post('/events', order(30), headers)).status).toBe(202);
    const matches = async () =>
      (await after.get('/executions?limit=200')).body.data.filter(
        ({ trigger }: { trigger: string }) => trigger === 'event',
      ) as { status: string; function: string }[];
    await until(
      async () =>
        (await matches()).length >= 31 && (await matches()).every(({ status }) => status === 'succeeded'),
      'every match has ended',
      20_000,
    );
    expect(await matches()).toHaveLength(31);
    expect((await after.execute(id, 'done')).body.result).toBe(61);
    expect(started.filter(alive)).toEqual([]);
    await again.stop();
  }, 120_000);
});
