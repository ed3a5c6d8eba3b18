import { Sandbox } from '@mortise/sandbox';
import { metrics, type Clock, type Logger } from '@mortise/service-kit';
import type { ExecutorEnv } from '../env.js';

const coldStarts = metrics.counter('mortise_sandbox_cold_starts_total');
const kills = metrics.counter('mortise_sandbox_kills_total');

/** The sandbox as the environment wants it; it has not started. */
export function openSandbox(env: ExecutorEnv, clock: Clock, logger: Logger): Sandbox {
  return new Sandbox({
    ...(env.EXECUTOR_WORKERS !== undefined && { workers: env.EXECUTOR_WORKERS }),
    ...(env.EXECUTOR_ISOLATES_MB !== undefined && { isolatesMb: env.EXECUTOR_ISOLATES_MB }),
    workersPerCordon: env.EXECUTOR_WORKERS_PER_CORDON,
    recycleAfter: env.EXECUTOR_RECYCLE_EXECUTIONS,
    recycleAboveMb: env.EXECUTOR_RECYCLE_MB,
    walls: env.EXECUTOR_WALLS,
    jitless: env.EXECUTOR_JITLESS,
    logger,
    clock,
    onColdStart: () => coldStarts.add(1),
    onEnded: (reason) => {
      if (reason !== 'retired') kills.add(1, { reason });
    },
  });
}
