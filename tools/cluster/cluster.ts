// Starting and stopping a keeper, and reading what it says of its cluster.
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterState } from './keeper.ts';

export const readState = async (folder: string): Promise<ClusterState | undefined> =>
  readFile(join(folder, 'state.json'), 'utf8').then(
    (text) => JSON.parse(text) as ClusterState,
    () => undefined,
  );

export function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A keeper is told by its command line: a pid alone may have gone to another program since. */
export const isKeeper = async (pid: number): Promise<boolean> =>
  alive(pid) && (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'keeper')).includes('keeper');

/** Starts a cluster in the folder and waits until it is ready. */
export async function clusterUp(
  folder: string,
  options: { port?: number; detached?: boolean; env?: Record<string, string> } = {},
): Promise<ClusterState> {
  const running = await readState(folder);
  if (running?.status === 'ready' && (await isKeeper(running.pid))) return running;
  await rm(join(folder, 'state.json'), { force: true });
  await mkdir(folder, { recursive: true });
  const log = openSync(join(folder, 'keeper.log'), 'a');
  const keeper = spawn(
    process.execPath,
    ['--no-node-snapshot', join(import.meta.dirname, 'keeper.ts'), folder, String(options.port ?? 0)],
    {
      detached: options.detached ?? false,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', log, log],
    },
  );
  if (options.detached) keeper.unref();
  for (;;) {
    const state = await readState(folder);
    if (state?.status === 'ready') return state;
    if (state?.status === 'failed') throw new Error(state.error);
    if (keeper.exitCode !== null)
      throw new Error(`the cluster did not start: see ${join(folder, 'keeper.log')}`);
    await new Promise((next) => setTimeout(next, 100));
  }
}

/** Waits until a process that ended was started again and is ready. */
export async function startedAgain(folder: string, name: string, formerPid: number): Promise<number> {
  for (;;) {
    const state = await readState(folder);
    const pid = state?.pids[name];
    if (pid !== undefined && pid !== formerPid) return pid;
    if (!state || !alive(state.pid)) throw new Error(`the keeper of ${folder} has ended`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** Stops the cluster of the folder; nothing that it did not start. */
export async function clusterDown(folder: string): Promise<boolean> {
  const state = await readState(folder);
  if (!state || !(await isKeeper(state.pid))) return false;
  process.kill(state.pid, 'SIGTERM');
  while (alive(state.pid)) await new Promise((next) => setTimeout(next, 50));
  await rm(join(folder, 'state.json'), { force: true });
  return true;
}
