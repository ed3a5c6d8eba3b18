import type { ExecutionError, ExecutionUsage, Limits, Outcome } from '@mortise/contracts';

/** One bundled file of plugin code: `filename` is what stacks and code frames show, `code` JavaScript, or a WebAssembly module as `sourceOf` writes it. */
export interface Source {
  filename: string;
  code: string;
}

/** What an isolate is for: never shared by two tenants, replaced when digest or config revision changes. */
export interface UnitKey {
  /** Tenant, digest and config revision in one string. */
  key: string;
  tenantId: string;
  /** sha256 of the package. */
  digest: string;
}

export interface Unit extends UnitKey {
  /** Units of one cordon may share a worker process; units of two never do. */
  cordon: string;
  /** `execution` gives each run a fresh context. */
  isolation: 'isolate' | 'execution';
  /** The code, or `load` where it is fetched only when a worker lacks it. */
  source?: Source;
  load?: () => Promise<Source>;
}

export interface LogEntry {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  fields?: Record<string, unknown>;
}

/** One run of one function. */
export interface Invocation {
  executionId: string;
  unit: Unit;
  /** Export to call: `name`, `default.functions.name` or `default.name`. */
  handler: string;
  /** JSON text of the handler's first argument. */
  input: string;
  /** JSON text of the static part of `ctx`. */
  context: string;
  limits: Limits;
  /** Milliseconds since 1970. */
  deadline: number;
  /** May it run a second time when its worker died under it through no fault of its own? */
  idempotent?: boolean;
  /**
   * Does a host call of the plugin and answers JSON text. A rejection with `guest` shows the plugin that error; one
   * with `outcome` ends the execution with it; anything else reaches the plugin as INTERNAL without its text.
   */
  host: (op: string, args: string) => Promise<string>;
  log: (line: LogEntry) => void;
  /** Its worker had to be killed for it after its result was given: it was cut off while the worker got no processor. */
  killed?: (kill: Kill) => void;
}

/** What `host` may reject with. */
export interface HostFailure {
  guest?: ExecutionError;
  outcome?: Outcome;
}

/** A limit that a run went over, whether or not it failed for it. */
export interface LimitHit {
  limit: string;
  value: number;
  used: number;
}

export interface SandboxResult {
  status: Outcome;
  /** JSON text, succeeded only. */
  result?: string;
  error?: ExecutionError;
  usage: ExecutionUsage;
  /** False when no line of the plugin ran for it. */
  started: boolean;
  limitsHit?: LimitHit[];
  /** Its worker had to be killed for it, or for what only its plugin can have done. */
  kill?: Kill;
}

export type InspectError = ExecutionError & { file?: string; line?: number; column?: number; frame?: string };

/** What loading a main file without any capability showed. */
export interface InspectResult {
  ok: boolean;
  /** Names that can be called. */
  exports?: string[];
  /** Asked names that cannot. */
  missing?: string[];
  error?: InspectError;
}

export interface SandboxLogger {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** A worker process that had to end, or did by itself, and what is known of it. */
export interface Kill {
  reason: Exclude<EndReason, 'retired'>;
  message: string;
  cordon: string | undefined;
  /** The execution that is to blame, where that is certain. */
  blamed: string | undefined;
  /** All that were in it, that one too. */
  executionIds: string[];
  rssMb: number;
  /** Processor time of the worker since it last had nothing to do. */
  cpuMs: number;
}

export interface SandboxOptions {
  /** Most worker processes at a time, the ready spare one included. Default: as fit into a quarter of the memory, 8 to 64. */
  workers?: number;
  /** Workers of one cordon for plugins that answer quickly. Default 1. */
  workersPerCordon?: number;
  /** Memory that isolates at rest may take, all workers together. Default: a quarter of the memory. */
  isolatesMb?: number;
  /** A worker hands over to a fresh one after so many executions. Default 1,000,000. */
  recycleAfter?: number;
  /** Or when it takes more than so much memory beside what runs in it. Default 1,024. */
  recycleAboveMb?: number;
  /** Namespaces by bubblewrap around each worker: demand them, use them where they work, or leave them. */
  walls: 'require' | 'prefer' | 'off';
  /** Interpret plugins instead of compiling them: slower, and without the compiler's bugs. WebAssembly is off. */
  jitless?: boolean;
  logger: SandboxLogger;
  clock?: { now(): number };
  /** A worker process was killed; its own log line is written already. */
  onKill?: (kill: Kill) => void;
  /** A plugin was loaded because a run needed it. */
  onColdStart?: () => void;
  /** A worker process has ended. */
  onEnded?: (reason: EndReason) => void;
}

/** Which walls stand around a worker beside isolate and process. */
export interface Walls {
  /** What closes it in. */
  tool: 'bubblewrap' | 'unshare' | 'setpriv' | 'none';
  /** No network; with bubblewrap no processes and files of the machine either. */
  namespaces: boolean;
  /** Calls of the kernel that it never needs are refused. */
  seccomp: boolean;
  /** Each worker runs as a user of its own that owns nothing. */
  ownUser: boolean;
  parentDeathSignal: boolean;
  noNewPrivileges: boolean;
  nodePermissions: boolean;
  /** V8 makes no machine code of plugins. */
  jitless: boolean;
}

/** One worker process as operators see it. */
export interface WorkerStats {
  /** Its place among the workers, from 0: the next one takes it over. */
  slot: number;
  pid: number;
  /** Null: not bound yet, ready for the next cordon. */
  cordon: string | null;
  lane: 'fast' | 'slow' | null;
  /** Warm isolates. */
  units: number;
  /** Isolates made ahead for no plugin yet. */
  blanks: number;
  inFlight: number;
  executions: number;
  rssMb: number;
  /** It gets no more work and ends when it has done what it has. */
  draining: boolean;
}

/** Why worker processes ended: all but `retired` are kills. */
export type EndReason =
  'memory_cap' | 'parked' | 'deadline' | 'protocol' | 'crashed' | 'errand_late' | 'retired';

export interface SandboxStats {
  walls: Walls;
  workers: WorkerStats[];
  /** Most worker processes at a time. */
  workersMax: number;
  /** Invocations that wait for a worker. */
  queued: number;
  /** How long the first of them has waited. */
  oldestWaitMs: number;
  /** Worker processes that ended since the start. */
  ended: Record<EndReason, number>;
  /** Plugins loaded because a run needed them. */
  coldStarts: number;
  /** Plugins in the slow lane. */
  slowPlugins: number;
  /** Invocations that ran again because their worker died under them. */
  retries: number;
}
