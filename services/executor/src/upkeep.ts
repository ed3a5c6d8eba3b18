import type { Logger } from '@mortise/service-kit';
import type { Runs } from './background/runs.js';

const everyMs = 3_600_000;
/** Longer than the commands' topic keeps its records. */
const keepRunsDays = 7;

/** Forgets claims of runs that ended long ago, once an hour. */
export function startUpkeep(runs: Runs, logger: Logger): () => void {
  const timer = setInterval(() => {
    runs
      .forget(keepRunsDays)
      .catch((error: unknown) => logger.warn({ err: error }, 'old claims not removed'));
  }, everyMs);
  return () => clearInterval(timer);
}
