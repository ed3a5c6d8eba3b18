import { totalmem } from 'node:os';
import type { Launcher } from './launch.js';
import type { SandboxOptions, Violation } from './types.js';
import { Worker } from './worker.js';

const watchEveryMs = 10;
const recycleAfterExecutions = 1_000_000;
const recycleAboveMb = 1_536;
const idleForMs = 600_000;
const workerAtRestMb = 64;

/**
 * A worker at rest costs memory and nothing else, while taking one from a cordon for another costs a process start: so
 * many as fit into a quarter of the memory.
 */
function defaultWorkers(): number {
  const memoryMb = Math.min(totalmem(), process.constrainedMemory() || Infinity) / 1_048_576;
  return Math.max(8, Math.min(64, Math.floor(memoryMb / 4 / workerAtRestMb)));
}

/** The worker processes: each bound to one cordon on first use, one more kept ready unbound. */
export class Pool {
  ended = 0;
  readonly #launcher: Launcher;
  readonly #options: SandboxOptions;
  readonly #max: number;
  readonly #now: () => number;
  readonly #all = new Set<Worker>();
  readonly #bound = new Map<string, Worker>();
  readonly #waiting: { cordon: string; deadline: number; give: (worker: Worker | undefined) => void }[] = [];
  #standby: Worker | undefined;
  #watch: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;
  #failedStarts = 0;

  constructor(launcher: Launcher, options: SandboxOptions, now: () => number) {
    this.#launcher = launcher;
    this.#options = options;
    this.#now = now;
    this.#max = Math.max(2, options.workers ?? defaultWorkers());
  }

  async start(): Promise<void> {
    const first = this.#spawn();
    this.#standby = first;
    await first.ready;
    this.#sweep = setInterval(() => this.#retireIdle(), 30_000);
    this.#sweep.unref();
  }

  /** The cordon's worker, at once when it stands ready: the path of every warm call. */
  bound(cordon: string): Worker | undefined {
    const worker = this.#bound.get(cordon);
    return worker && worker.isReady && !worker.dead && !worker.retiring ? worker : undefined;
  }

  /**
   * Gives the cordon's worker as soon as there is room for one; undefined when none came free before the deadline.
   * A callback and no promise: a worker that is given and not yet at work would look idle, and be retired for the next
   * cordon before it began.
   */
  acquire(cordon: string, deadline: number, give: (worker: Worker | undefined) => void): void {
    this.#waiting.push({ cordon, deadline, give });
    this.#serve();
    this.busy();
  }

  get queued(): number {
    return this.#waiting.length;
  }

  get workers(): ReadonlySet<Worker> {
    return this.#all;
  }

  /** Something is in flight or waits: keep watching. */
  busy(): void {
    this.#watch ??= setInterval(this.#tick, watchEveryMs);
  }

  /** Ends a cordon's worker that must not be used again. */
  retire(worker: Worker): void {
    worker.retiring = true;
    if (worker.cordon !== undefined && this.#bound.get(worker.cordon) === worker)
      this.#bound.delete(worker.cordon);
    if (worker.inFlight === 0) worker.kill();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    clearInterval(this.#sweep);
    for (const { give } of this.#waiting.splice(0)) give(undefined);
    const ends = [...this.#all].map(
      (worker) => new Promise<void>((resolve) => this.#onGone.set(worker, resolve)),
    );
    for (const worker of this.#all) worker.kill();
    await Promise.all(ends);
  }

  readonly #onGone = new Map<Worker, () => void>();

  #spawn(): Worker {
    const worker: Worker = new Worker(this.#launcher, {
      idle: (idle) => {
        if (idle.retiring || idle.executions > recycleAfterExecutions || idle.rssMb > recycleAboveMb) {
          setImmediate(() => this.retire(idle));
        }
        if (this.#waiting.length > 0) setImmediate(() => this.#serve());
      },
      gone: (gone) => this.#gone(gone),
      violation: (violation: Violation) => {
        this.#options.logger.warn({ ...violation }, 'a sandbox worker was stopped');
        this.#options.onViolation?.(violation);
      },
    });
    this.#all.add(worker);
    worker.ready.then(
      () => {
        this.#failedStarts = 0;
        this.#serve();
      },
      (error: Error) => {
        if (this.#closed) return;
        this.#failedStarts++;
        this.#options.logger.error({ error: error.message }, 'a sandbox worker did not start');
      },
    );
    return worker;
  }

  #gone(worker: Worker): void {
    this.#all.delete(worker);
    this.ended++;
    if (this.#standby === worker) this.#standby = undefined;
    if (worker.cordon !== undefined && this.#bound.get(worker.cordon) === worker)
      this.#bound.delete(worker.cordon);
    this.#onGone.get(worker)?.();
    if (this.#closed) return;
    // A machine on which no worker starts must not be driven by a spawn loop.
    if (this.#failedStarts < 5) this.#fill();
    else setTimeout(() => this.#fill(), 1_000).unref();
    this.#serve();
  }

  #fill(): void {
    if (this.#closed || (this.#standby && !this.#standby.dead)) return;
    if (this.#all.size < this.#max) this.#standby = this.#spawn();
  }

  #serve(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const waiting = this.#waiting[at];
      const worker = waiting && this.#workerFor(waiting.cordon);
      if (!waiting || !worker) {
        at++;
        continue;
      }
      this.#waiting.splice(at, 1);
      waiting.give(worker);
    }
  }

  #workerFor(cordon: string): Worker | undefined {
    const bound = this.#bound.get(cordon);
    if (bound && !bound.dead && !bound.retiring) return bound.isReady ? bound : undefined;
    const worker = this.#standby;
    if (!worker || worker.dead) {
      this.#makeRoom();
      this.#fill();
      return undefined;
    }
    if (!worker.isReady) return undefined;
    this.#standby = undefined;
    worker.cordon = cordon;
    worker.lastUsedAt = this.#now();
    this.#bound.set(cordon, worker);
    this.#fill();
    return worker;
  }

  /** At the cap: the least recently used cordon without work gives up its worker, one for one new worker. */
  #makeRoom(): void {
    if (this.#all.size < this.#max) return;
    for (const worker of this.#all) if (worker.dead || worker.retiring) return;
    let oldest: Worker | undefined;
    for (const worker of this.#bound.values()) {
      if (worker.inFlight === 0 && (!oldest || worker.lastUsedAt < oldest.lastUsedAt)) oldest = worker;
    }
    if (oldest) this.retire(oldest);
  }

  #retireIdle(): void {
    const now = this.#now();
    for (const worker of [...this.#bound.values()]) {
      if (worker.inFlight === 0 && now - worker.lastUsedAt > idleForMs) this.retire(worker);
    }
  }

  readonly #tick = (): void => {
    const now = Date.now();
    let active = this.#waiting.length > 0;
    for (const worker of [...this.#all]) {
      if (worker.inFlight > 0) active = true;
      worker.watch(now);
    }
    for (let at = this.#waiting.length - 1; at >= 0; at--) {
      const waiting = this.#waiting[at];
      if (waiting && now >= waiting.deadline) {
        this.#waiting.splice(at, 1);
        waiting.give(undefined);
      }
    }
    if (active) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  };
}
