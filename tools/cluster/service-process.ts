// A service as a process of its own that is started again whenever it ends unasked, as an orchestrator does.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const readyWithinMs = 60_000;
const stopMs = 10_000;
const firstRestartMs = 200;
const slowestRestartMs = 5_000;

export interface ServiceOptions {
  name: string;
  /** The command line after node's own. */
  args: string[];
  env: Record<string, string>;
  url: string;
  logFile: string;
  /** Each time it is ready to work, with its pid. */
  onReady: (pid: number) => Promise<void>;
}

const gone = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

export class ServiceProcess {
  private child: ChildProcess | undefined;
  private readonly closing = new AbortController();
  private watching: Promise<void> | undefined;

  private readonly options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.options = options;
  }

  /** Resolves when it is ready; from then on it is kept running. */
  async start(): Promise<void> {
    const child = await this.launch();
    this.watching = this.keep(child);
  }

  async close(): Promise<void> {
    this.closing.abort();
    const { child } = this;
    if (child && !gone(child)) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), stopMs);
      await exited;
      clearTimeout(hard);
    }
    await this.watching;
  }

  private async launch(): Promise<ChildProcess> {
    const { name, args, env, url, logFile, onReady } = this.options;
    const log = createWriteStream(logFile, { flags: 'a' });
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once('close', () => log.end());
    const deadline = Date.now() + readyWithinMs;
    while (!(await isReady(url))) {
      if (gone(child)) throw new Error(`${name} ended at its start: see ${logFile}`);
      if (Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`${name} was not ready within ${readyWithinMs / 1000} s: see ${logFile}`);
      }
      await delay(50);
    }
    if (child.pid !== undefined) await onReady(child.pid);
    return child;
  }

  /** Starts it again, more slowly the more often in a row that fails. */
  private async keep(first: ChildProcess): Promise<void> {
    const { name } = this.options;
    const { signal } = this.closing;
    let child = first;
    for (;;) {
      if (!gone(child)) await once(child, 'exit');
      for (let pauseMs = firstRestartMs; ; pauseMs = Math.min(pauseMs * 2, slowestRestartMs)) {
        await delay(pauseMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
        console.log(`${name} has ended (${child.signalCode ?? child.exitCode}): starting it again`);
        const again = await this.launch().catch((error: unknown) => console.error(error));
        if (signal.aborted) return;
        if (!again) continue;
        child = again;
        break;
      }
    }
  }
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  );
