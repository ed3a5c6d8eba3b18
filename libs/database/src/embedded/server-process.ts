import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { EmbeddedPostgresError, explainFailure } from './failure.js';
import type { RunAs } from './user.js';

const keptLines = 50;
const silenceMs = 60_000;
const stopMs = 10_000;

/** Starts a program as the chosen user, with an empty environment, away from the terminal's Ctrl-C. */
export function launch(command: string, args: string[], { user, prefix }: RunAs): ChildProcess {
  const [program, ...rest] = [...prefix, command, ...args] as [string, ...string[]];
  return spawn(program, rest, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { LC_ALL: 'C' },
    detached: true,
    ...(prefix.length === 0 && user ? user : {}),
  });
}

/** Collects what a program says on stderr. */
export function readLines(child: ChildProcess, onLine: (line: string) => void): string[] {
  const lines: string[] = [];
  if (child.stderr)
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      onLine(line);
    });
  child.on('error', (error) => lines.push(`error: ${error.message}`));
  return lines;
}

/** A PostgreSQL that this process has started. */
export class ServerProcess {
  private guard: ChildProcess | undefined;
  private closing = false;
  private readonly exited: Promise<unknown>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly stopSignal: 'SIGINT' | 'SIGQUIT',
  ) {
    this.exited = once(child, 'exit');
  }

  /**
   * Resolves when it takes connections.
   * @throws EmbeddedPostgresError when it ends before, or says nothing for a minute
   */
  static async start(o: {
    command: string;
    args: string[];
    runAs: RunAs;
    dataDir: string;
    stopSignal: 'SIGINT' | 'SIGQUIT';
    log: (line: string) => void;
    onUnexpectedExit: (error: EmbeddedPostgresError) => void;
  }): Promise<ServerProcess> {
    const child = launch(o.command, o.args, o.runAs);
    const ready = Promise.withResolvers<void>();
    const silence = setTimeout(() => failed(), silenceMs);
    const lines = readLines(child, (line) => {
      o.log(line);
      // Recovery after a crash may take minutes, but it tells of its progress.
      silence.refresh();
      if (line.includes('database system is ready to accept connections')) ready.resolve();
    });
    const failed = () => ready.reject(explainFailure(o.dataDir, lines));
    // 'close' comes after the last line was read, 'exit' may come before.
    child.once('close', failed).once('error', failed);
    const server = new ServerProcess(child, o.stopSignal);
    server.exited.catch(() => {});
    try {
      await ready.promise;
    } catch (error) {
      if (child.pid !== undefined && child.exitCode === null) child.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(silence);
    }
    server.watchParent();
    child.once('close', () => {
      server.guard?.kill('SIGKILL');
      if (!server.closing) o.onUnexpectedExit(explainFailure(o.dataDir, lines, 'ended'));
    });
    child.unref();
    (child.stderr as { unref?: () => void } | null)?.unref?.();
    return server;
  }

  /** Stops it and waits until it is gone: in order first, by force when that takes too long. */
  async stop(): Promise<void> {
    this.closing = true;
    this.child.ref();
    for (const signal of [this.stopSignal, 'SIGQUIT', 'SIGKILL'] as const) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      this.child.kill(signal);
      const timer = Promise.withResolvers<void>();
      const limit = setTimeout(timer.resolve, stopMs);
      await Promise.race([this.exited, timer.promise]);
      clearTimeout(limit);
    }
    this.guard?.kill('SIGKILL');
  }

  /** A shell waits for the end of a pipe that only this process holds: it stops PostgreSQL after a kill -9, too. */
  private watchParent(): void {
    if (process.platform === 'win32') return;
    const script = `while read -r line; do :; done; kill -${this.stopSignal.slice(3)} "$1"`;
    this.guard = spawn('/bin/sh', ['-c', script, 'sh', String(this.child.pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
      detached: true,
    });
    this.guard.on('error', () => {});
    this.guard.unref();
    (this.guard.stdin as { unref?: () => void } | null)?.unref?.();
  }
}
