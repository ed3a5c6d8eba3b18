import { isTerminal, statusRank, type ExecutionData } from '@mortise/contracts';

/**
 * Where a step stands within its attempt. A timeout that the gateway noted because nobody answered, and a command that
 * was put aside, make way for what the executor says became of the run.
 */
export const stepRank = ({ status, error }: Pick<ExecutionData, 'status' | 'error'>): number =>
  isTerminal(status) && status !== 'dead_lettered' && error?.code !== 'NO_ANSWER'
    ? statusRank(status) + 1
    : statusRank(status);

const isLater = (step: ExecutionData, than: ExecutionData): boolean =>
  step.attempt === than.attempt ? stepRank(step) > stepRank(than) : step.attempt > than.attempt;

/** What is left of many steps when each execution shows where it got to; ordered by id, so that batches cannot deadlock. */
export function latestSteps(steps: readonly ExecutionData[]): ExecutionData[] {
  const latest = new Map<string, ExecutionData>();
  for (const step of steps) {
    const known = latest.get(step.executionId);
    if (!known) latest.set(step.executionId, step);
    else if (isLater(step, known)) latest.set(step.executionId, withKnown(step, known));
    else latest.set(step.executionId, withKnown(known, step));
  }
  return [...latest.values()].sort((a, b) => (a.executionId < b.executionId ? -1 : 1));
}

/** A step may leave out what another one says: why it was asked for and, within one attempt, when it started. */
function withKnown(step: ExecutionData, other: ExecutionData): ExecutionData {
  const { triggerName, causationId } = other;
  const startedAt = step.attempt === other.attempt ? other.startedAt : undefined;
  return {
    ...step,
    ...(step.startedAt === undefined && startedAt !== undefined && { startedAt }),
    ...(step.triggerName === undefined && triggerName !== undefined && { triggerName }),
    ...(step.causationId === undefined && causationId !== undefined && { causationId }),
  };
}
