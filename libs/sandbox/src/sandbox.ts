import { CpuHistory } from './cpu-history.js';
import { Flight, timedOutVerdict, type Landing } from './flight.js';
import { createLauncher, type Launcher } from './launch.js';
import { Placement } from './placement.js';
import { Pool } from './pool.js';
import type {
  InspectResult,
  Invocation,
  SandboxOptions,
  SandboxResult,
  SandboxStats,
  Source,
  Unit,
  UnitKey,
} from './types.js';
import type { Worker } from './worker.js';

const inspectionMemoryMb = 128;
const inspectionMs = 2_000;
const inspectionWaitMs = 10_000;

/** Runs strangers' functions in watched child processes, each bound to one cordon. */
export class Sandbox {
  readonly #options: SandboxOptions;
  readonly #running = new Map<string, { flight: Flight; worker: Worker | undefined }>();
  readonly #known = new Map<string, UnitKey>();
  readonly #history = new CpuHistory();
  readonly #placement: Placement;
  #launcher: Launcher | undefined;
  #pool: Pool | undefined;
  #inspections = 0;
  #retries = 0;
  #coldStarts = 0;

  constructor(options: SandboxOptions) {
    this.#options = options;
    const load = (key: string) => this.#pool?.bound(key)?.inFlight ?? 0;
    this.#placement = new Placement(this.#history, options.workersPerCordon ?? 1, load);
  }

  /** @throws Error when no worker can be started here, or required walls do not work */
  async start(): Promise<void> {
    this.#launcher = createLauncher(this.#options);
    this.#pool = new Pool(
      this.#launcher,
      this.#options,
      () => Date.now(),
      (unit) => this.#history.convict(unit),
    );
    await this.#pool.start();
    this.#options.logger.info({ walls: this.#launcher.walls }, 'sandbox ready');
  }

  invoke(invocation: Invocation): Promise<SandboxResult> {
    return new Promise((resolve) => {
      const land = (flight: Flight, landing: Landing) => {
        if (landing.kind === 'lost' && this.#mayRetry(flight, landing.started)) {
          this.#retries++;
          flight.again();
          this.#dispatch(flight);
          return;
        }
        const { executionId, unit } = invocation;
        // In its new lane it is loaded anew.
        if (this.#history.note(unit, flight.longestMs))
          this.#running.get(executionId)?.worker?.units.evict((key) => key === unit.key);
        this.#running.delete(executionId);
        resolve(flight.result(Date.now(), landing));
      };
      this.#dispatch(new Flight(invocation, Date.now(), land));
    });
  }

  /**
   * Loads a file with no capability at all, under its own time and memory limits, and lists what can be called in it.
   * @param cordon whose other inspections may share the worker; without it the worker is used for this one only
   */
  async inspect(source: Source, names: string[], cordon?: string): Promise<InspectResult> {
    const pool = this.#started();
    const key = cordon === undefined ? `inspect:${++this.#inspections}` : `inspect:tenant:${cordon}`;
    const question = { ...source, names, memoryMb: inspectionMemoryMb, timeoutMs: inspectionMs };
    return new Promise((resolve) => {
      const binding = { key, cordon: key, lane: 'fast' as const };
      pool.acquire(binding, Date.now() + inspectionWaitMs, (worker) => {
        if (!worker)
          return resolve({ ok: false, error: { code: 'NO_CAPACITY', message: 'No worker is free: retry' } });
        pool.busy();
        worker.inspect(question, (json) => {
          if (cordon === undefined) pool.retire(worker);
          resolve(inspectResult(json));
        });
      });
    });
  }

  /**
   * Makes a unit warm ahead of its first run, where its cordon has a worker without anything to do.
   * @param memoryMb its limit, as its runs will have it
   */
  warm(unit: Unit, source: Source, memoryMb: number): void {
    const pool = this.#started();
    const worker = pool.bound(this.#placement.keyOf(unit));
    if (!worker || worker.has(unit.key)) return;
    this.#remember(unit);
    worker.warm([{ unit, source: new WeakRef(source), memoryMb }]);
    pool.busy();
  }

  /** Stops an execution. @returns false when it is not running here */
  kill(executionId: string, reason: string): boolean {
    const running = this.#running.get(executionId);
    if (!running) return false;
    const verdict = {
      status: 'cancelled' as const,
      error: { code: 'EXECUTION_CANCELLED', message: 'The execution was cancelled', details: { reason } },
    };
    if (running.worker && !running.flight.landed) running.worker.cut(running.flight, verdict, Date.now());
    else running.flight.verdict = verdict;
    return true;
  }

  /** Drops the warm isolates of some units; what runs in them finishes. */
  evict(match: (unit: UnitKey) => boolean): void {
    const keys = new Set<string>();
    for (const unit of this.#known.values()) if (match(unit)) keys.add(unit.key);
    for (const key of keys) this.#known.delete(key);
    for (const worker of this.#pool?.workers ?? []) worker.units.evict((key) => keys.has(key));
  }

  stats(): SandboxStats {
    const pool = this.#started();
    return {
      walls: pool.walls,
      workers: [...pool.workers].map((worker) => worker.stats()),
      workersMax: pool.max,
      queued: pool.waiting.size,
      oldestWaitMs: pool.waiting.oldestMs,
      ended: { ...pool.ended },
      coldStarts: this.#coldStarts,
      slowPlugins: this.#history.slow,
      retries: this.#retries,
    };
  }

  async close(): Promise<void> {
    await this.#pool?.close();
    this.#launcher?.close();
  }

  #started(): Pool {
    if (!this.#pool) throw new Error('start() the sandbox before it is used');
    return this.#pool;
  }

  #mayRetry(flight: Flight, started: boolean): boolean {
    const { idempotent, deadline } = flight.invocation;
    return !flight.retried && (!started || idempotent === true) && Date.now() < deadline;
  }

  #dispatch(flight: Flight): void {
    const pool = this.#started();
    const { unit, executionId } = flight.invocation;
    const running = { flight, worker: undefined as Worker | undefined };
    this.#running.set(executionId, running);
    const worker = pool.bound(this.#placement.keyOf(unit));
    if (worker && (unit.source !== undefined || worker.has(unit.key))) {
      running.worker = worker;
      this.#remember(unit);
      this.#send(worker, flight, unit.source, Date.now());
      pool.busy();
      return;
    }
    void this.#dispatchCold(pool, flight, running);
  }

  async #dispatchCold(pool: Pool, flight: Flight, running: { worker: Worker | undefined }): Promise<void> {
    const { unit, deadline, limits } = flight.invocation;
    let source: Source | undefined;
    try {
      source = unit.source ?? (await unit.load?.());
    } catch (error) {
      this.#options.logger.error({ error: String(error), digest: unit.digest }, 'a package cannot be loaded');
      const message = 'The package cannot be loaded right now';
      return flight.land({ kind: 'ended', status: 'failed', error: { code: 'UNAVAILABLE', message } });
    }
    const board = (worker: Worker | undefined) => {
      if (flight.verdict) return flight.land({ kind: 'ended', ...flight.verdict });
      const now = Date.now();
      if (!worker || now >= deadline) {
        return flight.land({ kind: 'ended', ...timedOutVerdict(limits.timeoutMs, now - flight.acceptedAt) });
      }
      running.worker = worker;
      this.#remember(unit);
      this.#send(worker, flight, source, now);
      pool.busy();
    };
    const worker = pool.bound(this.#placement.keyOf(unit));
    if (worker) board(worker);
    else pool.acquire(this.#placement.bindingOf(unit), deadline, board);
  }

  #send(worker: Worker, flight: Flight, source: Source | undefined, now: number): void {
    if (!worker.send(flight, source, now)) return;
    this.#coldStarts++;
    this.#options.onColdStart?.();
  }

  #remember(unit: UnitKey): void {
    if (this.#known.has(unit.key)) return;
    this.#known.set(unit.key, { key: unit.key, tenantId: unit.tenantId, digest: unit.digest });
  }
}

function inspectResult(json: string | undefined): InspectResult {
  let raw: { exports?: unknown; missing?: unknown; error?: InspectResult['error'] } = {};
  try {
    if (json !== undefined && json.length < 262_144) raw = JSON.parse(json) as typeof raw;
  } catch {
    raw = {};
  }
  if (raw.error) return { ok: false, error: raw.error };
  if (!Array.isArray(raw.exports) || !Array.isArray(raw.missing)) {
    return {
      ok: false,
      error: {
        code: 'MAIN_INVALID',
        message: 'Loading the file ended its worker: it loops or takes too much memory',
      },
    };
  }
  const missing = raw.missing.map(String);
  return {
    ok: missing.length === 0,
    exports: raw.exports.map(String),
    ...(missing.length > 0 && { missing }),
  };
}
