import {
  matchesEventPattern,
  type ExecutionStatus,
  type InstallationStateData,
  type Retry,
  type TriggerKind,
} from '@mortise/contracts';

const defaultInitialMs = 1_000;
const defaultMaxMs = 3_600_000;

interface Attempt {
  trigger: TriggerKind;
  triggerName?: string | undefined;
  function: string;
}

/** The retry rule of a run: its event's or job's own, else its function's. */
export function retryRule(installation: InstallationStateData, attempt: Attempt): Retry | undefined {
  const own = ownRule(installation, attempt);
  return own ?? installation.functions[attempt.function]?.retry;
}

function ownRule(installation: InstallationStateData, attempt: Attempt): Retry | undefined {
  if (attempt.trigger === 'job')
    return installation.jobs.find((job) => job.name === attempt.triggerName)?.retry;
  if (attempt.trigger !== 'event') return undefined;
  return installation.events.find(
    (event) =>
      event.function === attempt.function &&
      [event.on].flat().some((pattern) => matchesEventPattern(pattern, attempt.triggerName ?? '')),
  )?.retry;
}

/** Only what may go better next time; a denied or stopped run never does. */
const mayGoBetter: ReadonlySet<ExecutionStatus> = new Set(['failed', 'timed_out', 'out_of_memory']);

/** Part by which exponential waits may be shorter: what failed together does not come back together. */
const jitterRatio = 0.2;

/**
 * @param random from 0 to 1
 * @returns milliseconds until the next attempt, or undefined when this one was the last
 */
export function nextAttemptIn(
  rule: Retry | undefined,
  status: ExecutionStatus,
  attempt: number,
  random: () => number = Math.random,
): number | undefined {
  if (!rule || !mayGoBetter.has(status) || attempt >= (rule.maxAttempts ?? 1)) return undefined;
  const initialMs = rule.initialMs ?? defaultInitialMs;
  const maxMs = rule.maxMs ?? defaultMaxMs;
  switch (rule.backoff ?? 'exponential') {
    case 'none':
      return 0;
    case 'fixed':
      return Math.min(initialMs, maxMs);
    case 'linear':
      return Math.min(initialMs * attempt, maxMs);
    case 'exponential':
      return Math.round(Math.min(initialMs * 2 ** (attempt - 1), maxMs) * (1 - jitterRatio * random()));
  }
}
