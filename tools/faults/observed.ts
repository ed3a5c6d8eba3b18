// What the platform says for itself once it is calm: its tables, its topics and its answers.

export interface Recorded {
  id: string;
  installation: string;
  status: string;
  trigger: string;
  /** The event that caused it. */
  causation: string | null;
  /** Code and message when it did not succeed. */
  error: string | null;
  /** From acceptance to start, and from start to end. */
  waitedMs: number | null;
  tookMs: number | null;
}

/** A mark that a run left in the storage of its installation. */
export interface Mark {
  execution: string;
  /** The idempotency key it was given. */
  key: string;
  attempt: number;
  at: number;
}

export interface Fire {
  execution: string;
  installation: string;
  job: string;
  dueAt: number;
}

/** A revision of an installation as a topic tells it, in the order of the topic. */
export interface Told {
  installation: string;
  revision: number;
}

export interface Observed {
  executions: Recorded[];
  marks: Mark[];
  fires: Fire[];
  /** Outcomes on the topic of executions, repeats included. */
  outcomes: { execution: string; status: string }[];
  /** What is left in the outboxes though it is due, and claims without an outcome. */
  waiting: { where: string; what: string }[];
  deadLetters: { service: string; key: string; reason: string }[];
  installations: { id: string; status: string; revision: number; counter: number }[];
  lifecycle: Told[];
  states: Told[];
  /** What a call through all processes sees of each installation that was changed. */
  seen: { installation: string; counter: unknown }[];
  /** Packages that were accepted, fetched again: the digest of what came. */
  packages: { path: string; digest: string | undefined }[];
}

const ends = new Set([
  'succeeded',
  'failed',
  'timed_out',
  'out_of_memory',
  'cancelled',
  'denied',
  'security_violation',
  'dead_lettered',
]);
export const hasEnded = (status: string): boolean => ends.has(status);
