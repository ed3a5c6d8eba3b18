import type { ErrorCode } from './errors.js';

/** Limits of one execution or installation, with units in their names. Source: the one table of COMPAT. */
export interface Limits {
  memoryMb: number;
  timeoutMs: number;
  cpuMs: number;
  /** Share of one core over 10 s per installation. */
  cpuPercent: number;
  storageMb: number;
  networkRequests: number;
  hostCalls: number;
  hostCallsInFlight: number;
  outputBytes: number;
  logLines: number;
  logBytes: number;
  events: number;
  /** Executions of one installation at the same time. */
  concurrency: number;
}

export interface LimitRow {
  default: number;
  /** What a tenant-admin may raise it to. */
  tenantMax: number;
  /** What the operator may raise it to. */
  operatorMax: number;
}

const MB = 1_048_576;
const KB = 1_024;

/** Default, tenant maximum and operator maximum of each limit. */
export const limitTable: Record<Exclude<keyof Limits, 'timeoutMs' | 'cpuMs'>, LimitRow> = {
  memoryMb: { default: 128, tenantMax: 512, operatorMax: 1_024 },
  cpuPercent: { default: 50, tenantMax: 100, operatorMax: 100 },
  storageMb: { default: 10, tenantMax: 100, operatorMax: 1_024 },
  networkRequests: { default: 10, tenantMax: 100, operatorMax: 1_000 },
  hostCalls: { default: 1_000, tenantMax: 10_000, operatorMax: 100_000 },
  hostCallsInFlight: { default: 16, tenantMax: 64, operatorMax: 256 },
  outputBytes: { default: MB, tenantMax: 4 * MB, operatorMax: 16 * MB },
  logLines: { default: 200, tenantMax: 1_000, operatorMax: 10_000 },
  logBytes: { default: 64 * KB, tenantMax: MB, operatorMax: 16 * MB },
  events: { default: 50, tenantMax: 500, operatorMax: 5_000 },
  concurrency: { default: 16, tenantMax: 64, operatorMax: 1_024 },
};

/** `timeoutMs` by kind of trigger; cpuMs is always the timeout. */
export const timeoutTable: Record<'call' | 'job' | 'task', LimitRow> = {
  call: { default: 5_000, tenantMax: 30_000, operatorMax: 60_000 },
  job: { default: 30_000, tenantMax: 120_000, operatorMax: 900_000 },
  task: { default: 60_000, tenantMax: 900_000, operatorMax: 900_000 },
};

/** How a limit is held, and what becomes of a run that goes over it. */
export interface LimitKeeping {
  /** Who looks, and when. */
  keptBy: string;
  /** What happens to the run. */
  outcome: string;
  /** Absent where nobody sees an error. */
  code?: ErrorCode;
}

const refusedCall = {
  outcome: 'the call of `ctx` rejects; uncaught: `failed`',
  code: 'LIMIT_EXCEEDED',
} as const;
const cutLog = { outcome: 'the log is cut off there with a line that says so; the run goes on' } as const;
const timedOut = { outcome: '`timed_out`', code: 'EXECUTION_TIMED_OUT' } as const;

/** Each limit with what enforces it. */
export const limitKeeping: Record<keyof Limits, LimitKeeping> = {
  memoryMb: {
    keptBy:
      "the isolate's heap; the worker process is watched from outside each 10 ms for what is not in a heap",
    outcome: '`out_of_memory`',
    code: 'OUT_OF_MEMORY',
  },
  timeoutMs: {
    keptBy:
      'V8, by a timer for each entry; from outside by a kill 100 ms later for what V8 does not interrupt',
    ...timedOut,
  },
  cpuMs: {
    keptBy: 'the processor time of the isolate, read after each entry, which has no more than is left',
    ...timedOut,
  },
  cpuPercent: {
    keptBy: 'the executor, from what ended runs used: counted over 10 s, per installation and executor',
    outcome: 'calls are refused, background runs wait',
    code: 'OVER_QUOTA',
  },
  storageMb: { keptBy: 'the host, at `ctx.storage.set`', ...refusedCall },
  networkRequests: { keptBy: 'the host, at each request and each redirect', ...refusedCall },
  hostCalls: { keptBy: 'the isolate, and again the host', ...refusedCall },
  hostCallsInFlight: {
    keptBy: 'the isolate, and again the host',
    outcome: 'further calls wait for their turn',
  },
  outputBytes: { keptBy: 'the isolate, and again the host', outcome: '`failed`', code: 'LIMIT_EXCEEDED' },
  logLines: { keptBy: 'the isolate, and again the host', ...cutLog },
  logBytes: { keptBy: 'the isolate, and again the host', ...cutLog },
  events: { keptBy: 'the host, at `ctx.events.emit`', ...refusedCall },
  concurrency: {
    keptBy: 'the executor before a run starts, and the gateway before it is asked',
    outcome: 'as many calls again may wait, more are refused; background runs wait',
    code: 'OVER_QUOTA',
  },
};

/** What its author can do about a limit that a run went over; undefined for what is no limit of a run. */
export function howToRaise(limit: string): string | undefined {
  if (!Object.hasOwn(limitKeeping, limit)) return undefined;
  const set = `Set limits.${limit} in the manifest or of the installation`;
  if (limit === 'timeoutMs' || limit === 'cpuMs') {
    const [call, job, task] = (['call', 'job', 'task'] as const).map((kind) => timeoutTable[kind].tenantMax);
    return `${set}: up to ${call} for calls, ${job} for jobs, ${task} for tasks`;
  }
  const { tenantMax } = limitTable[limit as keyof typeof limitTable];
  return `${set}: up to ${tenantMax}`;
}

/** Details of an error over a limit, with what its author can do about it. */
export function withRaise(details: Record<string, unknown>): Record<string, unknown> {
  const { limit } = details;
  const raise = typeof limit === 'string' ? howToRaise(limit) : undefined;
  return raise === undefined ? details : { ...details, raise };
}

/** What a manifest or an admin may ask for; everything is optional. */
export type RequestedLimits = Partial<Limits>;

/**
 * The limits one execution runs under: what was asked for, capped at the tenant's maximum.
 * @param trigger decides the timeout's row: jobs and tasks may run longer than calls
 */
export function effectiveLimits(requested: RequestedLimits, trigger: 'call' | 'job' | 'task'): Limits {
  const pick = (asked: number | undefined, row: LimitRow) => Math.min(asked ?? row.default, row.tenantMax);
  const timeoutMs = pick(requested.timeoutMs, timeoutTable[trigger]);
  const rest = Object.fromEntries(
    Object.entries(limitTable).map(([name, row]) => [
      name,
      pick(requested[name as keyof typeof limitTable], row),
    ]),
  ) as unknown as Omit<Limits, 'timeoutMs' | 'cpuMs'>;
  return { ...rest, timeoutMs, cpuMs: Math.min(requested.cpuMs ?? timeoutMs, timeoutMs) };
}

/** What HTTP bodies, packages and manifests may weigh. */
export const intake = {
  uploadBytes: 50 * MB,
  packageBytes: 64 * MB,
  entryBytes: 16 * MB,
  entries: 2_000,
  /** Unpacked bytes per packed byte, counted from the first megabyte on. */
  ratio: 200,
  pathLength: 200,
  pathDepth: 12,
  manifestBytes: 256 * KB,
  jsonBytes: MB,
  jsonDepth: 64,
  configBytes: 64 * KB,
} as const;
