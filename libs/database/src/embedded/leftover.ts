import { execFile } from 'node:child_process';
import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { EmbeddedPostgresError } from './failure.js';

const run = promisify(execFile);
const waits: { signal: NodeJS.Signals; ms: number }[] = [
  { signal: 'SIGINT', ms: 15_000 },
  { signal: 'SIGQUIT', ms: 5_000 },
];

/** Is there a process of this number? One of another user counts. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process started, so that a number given out again is not taken for the process it was. */
export async function startOf(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  }
  const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim();
}

/** Is this process a PostgreSQL that works in our folder? undefined: no way to tell. */
async function worksIn(pid: number, dataDir: string): Promise<boolean | undefined> {
  if (process.platform === 'linux') {
    // PostgreSQL makes its data folder the working directory.
    return readlink(`/proc/${pid}/cwd`).then(
      (cwd) => cwd === dataDir,
      () => undefined,
    );
  }
  return run('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout.includes(dataDir),
    () => undefined,
  );
}

/**
 * Stops a PostgreSQL that a dead Mortise has left in our folder. It is stopped rather than taken over: only a child
 * of this process is sure to end with it.
 */
export async function stopLeftover(dataDir: string, log: (line: string) => void): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  const pid = Math.abs(Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10));
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return;
  const ours = await worksIn(pid, await realpath(dataDir));
  if (ours === false) {
    // The number belongs to somebody else by now; PostgreSQL would refuse to start because of it.
    await rm(file, { force: true });
    return;
  }
  if (ours === undefined) return;
  log(`stopping the PostgreSQL (process ${pid}) that an earlier Mortise left in ${dataDir}`);
  const started = await startOf(pid);
  for (const { signal, ms } of waits) {
    process.kill(pid, signal);
    for (let waited = 0; waited < ms; waited += 20) {
      if (!isAlive(pid) || (await startOf(pid)) !== started) return;
      await delay(20);
    }
  }
  throw new EmbeddedPostgresError(
    `The PostgreSQL (process ${pid}) that an earlier start left in ${dataDir} does not stop: end that process and start again`,
  );
}
