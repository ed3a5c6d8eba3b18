import type { ExecutionError, ExecutionUsage, Outcome } from '@mortise/contracts';
import type { Invocation, Kill, LimitHit, SandboxResult } from './types.js';
import type { LoadedUnit } from './units.js';

/** How a flight's stay in a worker ended. `lost`: the worker or isolate died under it for another's fault. */
export type Landing =
  | { kind: 'ended'; status: Outcome; result?: string; error?: ExecutionError }
  | { kind: 'lost'; started: boolean };

/** One invocation on its way through a worker. */
export class Flight {
  readonly invocation: Invocation;
  readonly acceptedAt: number;
  readonly usage: ExecutionUsage;
  /** Number in the worker it is in. */
  no = 0;
  /** What it runs in there. */
  loaded: LoadedUnit | undefined;
  retried = false;
  started = false;
  /** What to report once the worker has let go of it: set when it is cut off from outside. */
  verdict: { status: Outcome; error: ExecutionError } | undefined;
  cutAtMs = 0;
  /** Processor time that its worker had taken by then. */
  cutAtTicks = 0;
  calls = 0;
  callsInFlight = 0;
  logLines = 0;
  logBytes = 0;
  logFull = false;
  /** Processor time of its longest entry into the isolate. */
  longestMs = 0;
  denied = false;
  limitsHit: LimitHit[] | undefined;
  /** Kept over a second try: the first one killed a worker. */
  kill: Kill | undefined;
  readonly #land: (flight: Flight, landing: Landing) => void;
  #landed = false;

  constructor(invocation: Invocation, now: number, land: (flight: Flight, landing: Landing) => void) {
    this.invocation = invocation;
    this.acceptedAt = now;
    this.#land = land;
    this.usage = { cpuMs: 0, wallMs: 0, peakHeapMb: 0, hostCalls: 0, bytesIn: 0, bytesOut: 0 };
  }

  land(landing: Landing): void {
    if (this.#landed) return;
    this.#landed = true;
    this.#land(this, landing);
  }

  get landed(): boolean {
    return this.#landed;
  }

  /** Back to the start, for a second try in another worker. */
  again(): void {
    this.#landed = false;
    this.retried = true;
    this.started = false;
    this.verdict = undefined;
    this.usage.bytesOut = this.usage.hostCalls = 0;
    this.calls = this.callsInFlight = this.logLines = this.logBytes = 0;
    this.logFull = false;
  }

  result(now: number, landing: Landing): SandboxResult {
    if (this.usage.wallMs === 0) this.usage.wallMs = Math.max(0, now - this.acceptedAt);
    const { usage, started } = this;
    const seen = {
      ...(this.limitsHit && { limitsHit: this.limitsHit }),
      ...(this.kill && { kill: this.kill }),
    };
    if (landing.kind === 'lost') return { status: 'failed', error: crashed, usage, started, ...seen };
    const { status, result, error } = landing;
    return {
      status,
      ...(result !== undefined && { result }),
      ...(error && { error }),
      usage,
      started,
      ...seen,
    };
  }
}

const crashed: ExecutionError = {
  code: 'WORKER_CRASHED',
  message: 'The worker process ended during the execution',
};

export const workerCrashed = (): Landing => ({ kind: 'ended', status: 'failed', error: crashed });

/** What it was refused is in no heap that could be measured: it used its limit at least. */
export function ranOutOfMemory({ invocation, usage }: Flight): Landing {
  const { memoryMb } = invocation.limits;
  usage.peakHeapMb = Math.max(usage.peakHeapMb, memoryMb);
  return {
    kind: 'ended',
    status: 'out_of_memory',
    error: {
      code: 'OUT_OF_MEMORY',
      message: `The execution went over its memory limit of ${memoryMb} MB (manifest: limits.memoryMb)`,
      details: { limit: 'memoryMb', value: memoryMb, used: Math.round(usage.peakHeapMb) },
    },
  };
}

export const timedOutVerdict = (timeoutMs: number, usedMs: number) => ({
  status: 'timed_out' as const,
  error: {
    code: 'EXECUTION_TIMED_OUT',
    message: `The execution went over its timeoutMs of ${timeoutMs} ms`,
    details: { limit: 'timeoutMs', value: timeoutMs, used: Math.round(usedMs) },
  },
});

export const limitExceeded = (limit: string, value: number, used: number): ExecutionError => ({
  code: 'LIMIT_EXCEEDED',
  message: `The execution went over its limit ${limit} of ${value}`,
  details: { limit, value, used },
});
