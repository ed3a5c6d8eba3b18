// What was asked, what was answered and what was broken meanwhile, in the words of the caller. The checker holds this
// against what the platform has recorded.

export type AskedKind = 'sync' | 'async' | 'run-now' | 'event' | 'change' | 'upload';

/** One request and its answer, or the lack of one. Times are milliseconds since 1970 of the harness. */
export interface Asked {
  kind: AskedKind;
  /** Nothing else in the run carries it. */
  nonce: string;
  tenant: string;
  installation?: string | undefined;
  sentAt: number;
  answeredAt: number;
  /** HTTP status; 0 when no answer came. */
  status: number;
  executionId?: string | undefined;
  /** Why there was no answer, or the code of the refusal. */
  error?: string | undefined;
  /** The whole of a refusal, as it came. */
  detail?: string | undefined;
  /** Sync: what the function said it was asked. */
  echoed?: { nonce: unknown; installation: unknown } | undefined;
  /** Changes: the counter that was configured. */
  counter?: number | undefined;
  /** Changes: the revision of the installation that the answer spoke of. */
  revision?: number | undefined;
  /** Uploads: where the package can be fetched again, and its digest. */
  package?: { path: string; digest: string } | undefined;
}

export interface Injected {
  fault: string;
  /** Which process or connection. */
  target: string;
  /** The process died or stood still. */
  stops: boolean;
  from: number;
  to: number;
  note?: string | undefined;
}

/** Installations of the workload; the first four of each tenant stay active all the time. */
export interface Installed {
  id: string;
  tenant: string;
  steady: boolean;
  /** Names of the jobs that fire every minute. */
  jobs: string[];
}

export interface History {
  installed: Installed[];
  asked: Asked[];
  injected: Injected[];
  /** Keys of the messages nobody can read that were put on topics on purpose. */
  poison: string[];
  startedAt: number;
  /** When the last request was answered and the last fault was over. */
  calmAt: number;
}

/** Did a process of this kind die or stand still in that time? Names are a kind and a number. */
export const hit = (injected: readonly Injected[], kind: string, from: number, to: number): boolean =>
  injected.some(
    ({ stops, target, from: begun, to: over }) =>
      stops && begun <= to && over >= from && target.startsWith(`${kind}-`),
  );
