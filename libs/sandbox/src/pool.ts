import { availableParallelism } from 'node:os';
import type { Launcher } from './launch.js';
import { defaultIsolatesMb, defaultWorkers, isWorn, leastRecent, leastUsed, type Wear } from './memory.js';
import type { Binding } from './placement.js';
import { Successions } from './successions.js';
import type { Kill, SandboxOptions, Unit, Walls } from './types.js';
import { Waiting } from './waiting.js';
import { noEnds, Worker } from './worker.js';

const watchEveryMs = 10;
/** Looks at memory as a whole: each so many turns of the watch, and at rest with each sweep. */
const trimEveryTicks = 20;
const sweepEveryMs = 30_000;
const idleForMs = 600_000;
/** A worker that rested so long may give its place to the hot standby. */
const restedMs = 10_000;

/** The worker processes: each bound to one cordon and lane on first use, at least one more kept ready unbound. */
export class Pool {
  /** Worker processes that ended, by reason. */
  readonly ended = noEnds();
  readonly #launcher: Launcher;
  readonly #options: SandboxOptions;
  readonly max: number;
  readonly #isolatesMb: number;
  readonly #wear: Wear;
  readonly #now: () => number;
  readonly #all = new Set<Worker>();
  readonly #bound = new Map<string, Worker>();
  /** Unbound ones, starting or ready. */
  readonly #spares = new Set<Worker>();
  readonly #successions: Successions;
  readonly #waiting = new Waiting();
  readonly #onGone = new Map<Worker, () => void>();
  #watch: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #ticks = 0;
  #closed = false;
  #failedStarts = 0;

  /** @param onHeld hears of a unit that keeps a worker to itself */
  constructor(
    launcher: Launcher,
    options: SandboxOptions,
    now: () => number,
    onHeld: (unit: Unit) => void = () => {},
  ) {
    this.#launcher = launcher;
    this.#options = options;
    this.#now = now;
    this.max = Math.max(2, options.workers ?? defaultWorkers());
    this.#isolatesMb = options.isolatesMb ?? defaultIsolatesMb();
    const { recycleAfter = 1_000_000, recycleAboveMb = 1_024 } = options;
    this.#wear = { executions: recycleAfter, restMb: recycleAboveMb };
    const ground = {
      all: this.#all,
      bound: this.#bound,
      spare: (binding: Binding) => this.#spare(binding),
      acquire: this.acquire.bind(this),
      retire: (worker: Worker) => this.retire(worker),
      now,
      onHeld,
    };
    this.#successions = new Successions(ground, options.workersPerCordon ?? 1);
  }

  async start(): Promise<void> {
    await this.#spawn().ready;
    this.#sweep = setInterval(() => this.#sweepNow(), sweepEveryMs);
    this.#sweep.unref();
  }

  get walls(): Walls {
    return this.#launcher.walls;
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
    if (this.#closed) return give(undefined);
    this.#waiting.add({ binding, deadline, since: this.#now(), give });
    this.#serve();
    this.busy();
  }

  /** Those that wait for a worker: how many, and how long the first of them does. */
  get waiting(): { size: number; oldestMs: number } {
    return { size: this.#waiting.size, oldestMs: this.#waiting.oldestMs(this.#now()) };
  }

  get workers(): ReadonlySet<Worker> {
    return this.#all;
  }

  /** Something is in flight or waits: keep watching. */
  busy(): void {
    // After what has arrived was read: no worker is judged by what it has answered and nobody has looked at.
    this.#watch ??= setInterval(() => setImmediate(this.#tick), watchEveryMs);
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
    this.#waiting.expire();
    const ends = [...this.#all].map(
      (worker) => new Promise<void>((resolve) => this.#onGone.set(worker, resolve)),
    );
    for (const worker of this.#all) worker.kill();
    await Promise.all(ends);
  }

  #spawn(): Worker {
    const worker: Worker = new Worker(this.#launcher, this.#wear.restMb / 2, {
      idle: (idle) => {
        // Later: what has just ended has not been told yet, and may lead to more.
        if (idle.retiring) setImmediate(() => this.retire(idle));
        if (this.#waiting.size > 0) setImmediate(() => this.#serve());
      },
      dying: (dying) => this.#dying(dying),
      gone: (gone) => this.#gone(gone),
      held: (held, unit) => this.#successions.held(held, unit),
      killed: (kill: Kill) => {
        this.#options.logger.warn({ ...kill }, 'a sandbox worker was killed');
        this.#options.onKill?.(kill);
      },
    });
    const taken = new Set([...this.#all].map(({ slot }) => slot));
    while (taken.has(worker.slot)) worker.slot++;
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
    this.#successions.forget(worker);
  }

  #dying(worker: Worker): void {
    const served = worker.binding && this.#bound.get(worker.binding.key) === worker;
    this.#unbind(worker);
    if (served && !this.#closed && worker.endReason !== 'retired') this.#successions.died(worker);
  }

  #gone(worker: Worker): void {
    this.#all.delete(worker);
    this.#unbind(worker);
    this.ended[worker.endReason]++;
    this.#options.onEnded?.(worker.endReason);
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
    const needed = Math.min(this.#waiting.workers, availableParallelism());
    while (this.#spares.size <= needed && this.#all.size < this.max) this.#spawn();
    let coming = this.#spares.size;
    for (const worker of this.#all) if (worker.dead) coming++;
    // At the cap one gives way for each that is needed; for the spare only one that has rested.
    while (coming < needed && this.#makeRoom(0)) coming++;
    if (coming === 0) this.#makeRoom(restedMs);
  }

  #serve(): void {
    this.#waiting.serve((binding) => this.#workerFor(binding));
    this.#fill();
  }

  #workerFor(binding: Binding): Worker | undefined {
    const bound = this.#bound.get(binding.key);
    if (bound) return bound;
    const worker = this.#successions.take(binding.key) ?? this.#spare(binding);
    if (!worker) return undefined;
    this.#bound.set(binding.key, worker);
    return worker;
  }

  /** A ready spare one, bound from now on. */
  #spare(binding: Binding): Worker | undefined {
    for (const worker of this.#spares) {
      if (!worker.isReady || worker.dead) continue;
      this.#spares.delete(worker);
      worker.bind(binding, this.#now());
      // The next spare starts once those who wait have been given theirs.
      setImmediate(() => this.#fill());
      return worker;
    }
    return undefined;
  }

  /** The least recently used worker without work gives way. @returns false when there is none */
  #makeRoom(restMs: number): boolean {
    const oldest = leastUsed(this.#bound.values());
    if (!oldest || this.#now() - oldest.lastUsedAt < restMs) return false;
    this.retire(oldest);
    return true;
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
    if (this.#closed) return;
    const now = Date.now();
    let active = this.#waiting.size > 0;
    for (const worker of [...this.#all]) {
      if (worker.inFlight > 0) active = true;
      worker.watch(now);
    }
    for (const worker of [...this.#bound.values()])
      if (isWorn(worker, this.#wear)) this.#successions.recycle(worker);
    if (++this.#ticks % trimEveryTicks === 0) this.#trim();
    this.#waiting.expire(now);
    if (active) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  };
}
