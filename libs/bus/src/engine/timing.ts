/** Timers come in, so that tests of back-off and deadlines need no waiting. */
export interface Timers {
  /** Calls `run` once after `delayMs`; the answer cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** How a failing handler is retried in place. */
export interface RetryPolicy {
  firstDelayMs: number;
  /** Doubles with each further failure. */
  secondDelayMs: number;
  /** Part of the delay that varies, 0 to 1. */
  jitterRatio: number;
  /** After it the record is parked, or goes to the dead letters. */
  totalMs: number;
  /** A parked record is due again after this long, doubling. */
  firstParkMs: number;
  longestParkMs: number;
  /** So often parked, a record goes to the dead letters. */
  maxParked: number;
}

export const retryPolicy: RetryPolicy = {
  firstDelayMs: 50,
  secondDelayMs: 500,
  jitterRatio: 0.2,
  totalMs: 60_000,
  firstParkMs: 60_000,
  longestParkMs: 3_600_000,
  maxParked: 24,
};

/** Delay before the next try after so many failures (from 1); `random` is from 0 to 1. */
export function retryDelayMs(policy: RetryPolicy, failures: number, random: number): number {
  const delayMs = failures === 1 ? policy.firstDelayMs : policy.secondDelayMs * 2 ** (failures - 2);
  return Math.round(delayMs * (1 + policy.jitterRatio * (random * 2 - 1)));
}

/** How long a record stays parked for the nth time (from 1). */
export const parkDelayMs = (policy: RetryPolicy, times: number): number =>
  Math.min(policy.longestParkMs, policy.firstParkMs * 2 ** (times - 1));
