import { availableParallelism, totalmem } from 'node:os';
import type { Launcher } from './launch.js';
import type { Binding } from './placement.js';
import type { EndReason, SandboxOptions, Violation } from './types.js';
import { Worker } from './worker.js';
import { leastRecent } from './least-recent.js';

const watchEveryMs = 10;
/** Looks at memory as a whole: each so many turns of the watch, and at rest with each sweep. */
const trimEveryTicks = 20;
const sweepEveryMs = 30_000;
const idleForMs = 600_000;
/** A worker that rested so long may give its place to the hot standby. */
const restedMs = 10_000;
const workerAtRestMb = 64;
const rewarmMost = 64;
const rewarmWithinMs = 10_000;

const memoryMb = () => Math.min(totalmem(), process.constrainedMemory() || Infinity) / 1_048_576;

/**
 * A worker at rest costs memory and nothing else, while taking one from a cordon for another costs a process start: so
 * many as fit into a quarter of the memory.
 */
const defaultWorkers = () => Math.max(8, Math.min(64, Math.floor(memoryMb() / 4 / workerAtRestMb)));

/** The worker processes: each bound to one cordon and lane on first use, at least one more kept ready unbound. */
export class Pool {
  /** Worker processes that ended, by reason. */
  readonly ended: Record<EndReason, number> = {
    memory_cap: 0,
    parked: 0,
    deadline: 0,
    protocol: 0,
    crashed: 0,
    errand_late: 0,
    retired: 0,
  };
  readonly #launcher: Launcher;
  readonly #options: SandboxOptions;
  readonly max: number;
  readonly #isolatesMb: number;
  readonly #recycleAfter: number;
  readonly #recycleAboveMb: number;
  readonly #now: () => number;
  readonly #all = new Set<Worker>();
  readonly #bound = new Map<string, Worker>();
  /** Unbound ones, starting or ready. */
  readonly #spares = new Set<Worker>();
  /** Bound ones that load what their predecessors have, before they take over. */
  readonly #successors = new Map<string, Worker>();
  readonly #waiting: {
    binding: Binding;
    deadline: number;
    since: number;
    give: (worker?: Worker) => void;
  }[] = [];
  readonly #onGone = new Map<Worker, () => void>();
  #watch: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #ticks = 0;
  #coldStartsBefore = 0;
  #closed = false;
  #failedStarts = 0;

  constructor(launcher: Launcher, options: SandboxOptions, now: () => number) {
    this.#launcher = launcher;
    this.#options = options;
    this.#now = now;
    this.max = Math.max(2, options.workers ?? defaultWorkers());
    this.#isolatesMb = options.isolatesMb ?? Math.floor(memoryMb() / 4);
    this.#recycleAfter = options.recycleAfter ?? 1_000_000;
    this.#recycleAboveMb = options.recycleAboveMb ?? 1_024;
  }

  async start(): Promise<void> {
    await this.#spawn().ready;
    this.#sweep = setInterval(() => this.#sweepNow(), sweepEveryMs);
    this.#sweep.unref();
  }

  /** The worker of this key, at once when it stands ready: the path of every warm call. */
  bound(key: string): Worker | undefined {
    return this.#bound.get(key);
  }

  /**
   * Gives the cordon's worker as soon as there is room for one; undefined when none came free before the deadline.
   * A callback and no promise: a worker that is given and not yet at work would look idle, and be retired for the next
   * cordon before it began.
   */
  acquire(binding: Binding, deadline: number, give: (worker: Worker | undefined) => void): void {
    this.#waiting.push({ binding, deadline, since: this.#now(), give });
    this.#serve();
    this.busy();
  }

  get queued(): number {
    return this.#waiting.length;
  }

  /** How long the first of those waits that wait for a worker. */
  oldestWaitMs(): number {
    const [first] = this.#waiting;
    return first ? this.#now() - first.since : 0;
  }

  /** Plugins loaded because a run needed them. */
  get coldStarts(): number {
    let sum = this.#coldStartsBefore;
    for (const { aboard } of this.#all) sum += aboard.coldStarts;
    return sum;
  }

  get workers(): ReadonlySet<Worker> {
    return this.#all;
  }

  /** Something is in flight or waits: keep watching. */
  busy(): void {
    this.#watch ??= setInterval(this.#tick, watchEveryMs);
  }

  /** Gives a worker no more work and ends it when it has done what it has. */
  retire(worker: Worker): void {
    worker.retiring = true;
    this.#unbind(worker);
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

  #spawn(): Worker {
    const worker: Worker = new Worker(this.#launcher, this.#recycleAboveMb / 2, {
      idle: (idle) => {
        // Later: what has just ended has not been told yet, and may lead to more.
        if (idle.retiring) setImmediate(() => this.retire(idle));
        if (this.#waiting.length > 0) setImmediate(() => this.#serve());
      },
      dying: (dying) => this.#dying(dying),
      gone: (gone) => this.#gone(gone),
      violation: (violation: Violation) => {
        this.#options.logger.warn({ ...violation }, 'a sandbox worker was stopped');
        this.#options.onViolation?.(violation);
      },
    });
    this.#all.add(worker);
    this.#spares.add(worker);
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

  #unbind(worker: Worker): void {
    const key = worker.binding?.key;
    this.#spares.delete(worker);
    if (key === undefined) return;
    if (this.#bound.get(key) === worker) this.#bound.delete(key);
    if (this.#successors.get(key) === worker) this.#successors.delete(key);
  }

  /** What was warm in a worker that had to die is loaded again in the next one; what ran in it comes again by itself. */
  #dying(worker: Worker): void {
    const { binding, endReason } = worker;
    const wasBound = binding !== undefined && this.#bound.get(binding.key) === worker;
    this.#unbind(worker);
    if (this.#closed || endReason === 'retired' || !wasBound) return;
    const warm = worker.units.remembered().slice(0, rewarmMost);
    // After those that were lost with it, which are sent again before this turn ends.
    setImmediate(() => {
      if (warm.length === 0 || this.#closed) return;
      this.acquire(binding, this.#now() + rewarmWithinMs, (next) => next?.warm(warm));
    });
  }

  #gone(worker: Worker): void {
    this.#all.delete(worker);
    this.#unbind(worker);
    this.ended[worker.endReason]++;
    this.#coldStartsBefore += worker.aboard.coldStarts;
    this.#onGone.get(worker)?.();
    if (this.#closed) return;
    // A machine on which no worker starts must not be driven by a spawn loop.
    if (this.#failedStarts < 5) this.#fill();
    else setTimeout(() => this.#fill(), 1_000).unref();
    this.#serve();
  }

  /** One spare at least, and as many more as cordons wait and processors can start at a time. */
  #fill(): void {
    if (this.#closed) return;
    const waiting = new Set(this.#waiting.map(({ binding }) => binding.key)).size;
    const wanted = 1 + Math.min(waiting, availableParallelism());
    while (this.#spares.size < wanted && this.#all.size < this.max) this.#spawn();
    if (this.#spares.size === 0) this.#makeRoom(waiting > 0 ? 0 : restedMs);
  }

  #serve(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const waiting = this.#waiting[at];
      const worker = waiting && this.#workerFor(waiting.binding);
      if (!waiting || !worker) {
        at++;
        continue;
      }
      this.#waiting.splice(at, 1);
      waiting.give(worker);
    }
    this.#fill();
  }

  #workerFor(binding: Binding): Worker | undefined {
    const bound = this.#bound.get(binding.key);
    if (bound) return bound;
    const worker = this.#successors.get(binding.key) ?? this.#spare(binding);
    if (!worker) return undefined;
    this.#successors.delete(binding.key);
    this.#bound.set(binding.key, worker);
    return worker;
  }

  /** A ready spare one, bound from now on. */
  #spare(binding: Binding): Worker | undefined {
    for (const worker of this.#spares) {
      if (!worker.isReady || worker.dead) continue;
      this.#spares.delete(worker);
      worker.bind(binding, this.#now());
      return worker;
    }
    return undefined;
  }

  /** At the cap: the least recently used worker without work gives way, one for one new worker. */
  #makeRoom(restMs: number): void {
    for (const worker of this.#all) if (worker.dead) return;
    let oldest: Worker | undefined;
    for (const worker of this.#bound.values()) {
      if (worker.inFlight === 0 && (!oldest || worker.lastUsedAt < oldest.lastUsedAt)) oldest = worker;
    }
    if (oldest && this.#now() - oldest.lastUsedAt >= restMs) this.retire(oldest);
  }

  /** A worker that has served long, or grown, hands over to a fresh one that has loaded what it has. */
  #recycle(worker: Worker): void {
    const { binding } = worker;
    if (!binding || this.#successors.has(binding.key)) return;
    const successor = this.#spare(binding);
    if (!successor) return;
    this.#successors.set(binding.key, successor);
    successor.warm(worker.units.remembered(true).slice(0, rewarmMost), () => {
      if (this.#bound.get(binding.key) === worker) this.retire(worker);
      this.#workerFor(binding);
    });
    this.#fill();
  }

  #isWorn(worker: Worker): boolean {
    if (worker.aboard.executions >= this.#recycleAfter) return true;
    return worker.rssMb - worker.units.allowedMb() > this.#recycleAboveMb;
  }

  #sweepNow(): void {
    const now = this.#now();
    for (const worker of [...this.#bound.values()]) {
      if (worker.inFlight === 0 && now - worker.lastUsedAt > idleForMs) this.retire(worker);
    }
    this.#trim();
    this.#fill();
  }

  /** Isolates of all workers together within their memory, the least recently used going first. */
  #trim(): void {
    for (const { worker, key } of leastRecent(this.#all, this.#isolatesMb)) {
      worker.units.evict((known) => known === key);
    }
  }

  readonly #tick = (): void => {
    const now = Date.now();
    let active = this.#waiting.length > 0;
    for (const worker of [...this.#all]) {
      if (worker.inFlight > 0) active = true;
      worker.watch(now);
    }
    for (const worker of [...this.#bound.values()]) if (this.#isWorn(worker)) this.#recycle(worker);
    if (++this.#ticks % trimEveryTicks === 0) this.#trim();
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
