import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const startMs = 60_000;

/** The platform in one process, as `make start` runs it, in a folder of its own. */
export interface Platform {
  url: string;
  adminKey: string;
  pid: number;
  alive: () => boolean;
  stop(): Promise<void>;
}

export async function startPlatform(): Promise<Platform> {
  const folder = await mkdtemp(join(tmpdir(), 'mortise-soak-'));
  const port = await freePort();
  const child = spawn(process.execPath, ['--no-node-snapshot', 'apps/standalone/dist/main.js'], {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      MORTISE_DATA_DIR: folder,
      METRICS_PORT: '0',
      LOG_LEVEL: 'error',
      // The hostile ones go on to the end.
      CRASH_BUDGET_KILLS: '1000',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  await ready(url, child);
  return {
    url,
    adminKey: (await readFile(join(folder, 'admin-key'), 'utf8')).trim(),
    pid: child.pid ?? 0,
    alive: () => child.exitCode === null && child.signalCode === null,
    stop: async () => {
      const gone = once(child, 'exit');
      if (child.kill('SIGTERM')) await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + startMs;
  for (;;) {
    const ok = await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) return;
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error('the platform did not start');
    await delay(50);
  }
}

const freePort = () =>
  new Promise<number>((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });
