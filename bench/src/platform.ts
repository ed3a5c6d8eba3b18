// A platform in one process, in a throw-away folder, as the thing under measure.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Platform {
  url: string;
  key: string;
  pid: number;
  /** From the start of the process to its first 200. */
  startMs: number;
  stop(): Promise<void>;
}

export const freePort = () =>
  new Promise<number>((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });

export async function startPlatform(dataDir?: string): Promise<Platform> {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'mortise-bench-')));
  const port = await freePort();
  const started = performance.now();
  const child = spawn(process.execPath, ['--no-node-snapshot', 'apps/standalone/dist/main.js'], {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      MORTISE_DATA_DIR: folder,
      METRICS_PORT: '0',
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error('the platform did not start');
    await new Promise((next) => setTimeout(next, 10));
  }
  const startMs = performance.now() - started;
  return {
    url,
    key: (await readFile(join(folder, 'admin-key'), 'utf8')).trim(),
    pid: child.pid ?? 0,
    startMs,
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      if (!dataDir) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One platform for all figures that need one. */
let shared: Promise<Platform> | undefined;
export const sharedPlatform = () => (shared ??= startPlatform());
export const stopShared = async () => (await shared)?.stop();
