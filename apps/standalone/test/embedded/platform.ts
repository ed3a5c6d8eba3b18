import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface RunningPlatform {
  url: string;
  adminKey: string;
  child: ChildProcess;
  /** What it printed so far. */
  output: () => string;
  /** Its exit code, once it has ended. */
  exited: Promise<number | null>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export const freePort = () =>
  new Promise<number>((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });

/**
 * Starts the built platform as `make start` does; it may fail to: see `output` and the exit code.
 * @param o ownGroup: as a terminal gives it to a command, for `pressCtrlC`
 */
export function spawnPlatform(
  dataDir: string,
  port: number,
  env: Record<string, string> = {},
  o: { ownGroup?: boolean } = {},
) {
  const child = spawn(process.execPath, ['--no-node-snapshot', 'apps/standalone/dist/main.js'], {
    env: { PATH: process.env.PATH, PORT: String(port), MORTISE_DATA_DIR: dataDir, METRICS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: o.ownGroup ?? false,
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const exited = once(child, 'exit') as Promise<[number | null]>;
  return { child, output: () => text, exited };
}

/** What Ctrl-C in a terminal does: the signal goes to the whole group. */
export const pressCtrlC = ({ pid }: ChildProcess) => process.kill(-(pid as number), 'SIGINT');

/** Starts it and waits until it is ready. */
export async function startPlatform(
  dataDir: string,
  env: Record<string, string> = {},
  o: { ownGroup?: boolean } = {},
): Promise<RunningPlatform> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { child, output, exited } = spawnPlatform(dataDir, port, env, o);
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the platform ended at its start: ${output()}`);
    const greeted = output().includes('next ');
    if (
      greeted &&
      (await fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      ))
    )
      break;
    await new Promise((next) => setTimeout(next, 25));
  }
  return {
    url,
    adminKey: (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim(),
    child,
    output,
    exited: exited.then(([code]) => code),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return (await exited)[0];
    },
  };
}
