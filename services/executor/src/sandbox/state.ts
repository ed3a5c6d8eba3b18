import type { ExecutorStateDto } from '@mortise/contracts';
import type { Sandbox } from '@mortise/sandbox';
import type { Clock } from '@mortise/service-kit';
import type { Lanes } from '../lanes/lanes.js';
import type { TenantCpu } from './tenant-cpu.js';

export interface StateParts {
  instance: string;
  cordon: string;
  sandbox: Pick<Sandbox, 'stats'>;
  lanes: Pick<Lanes, 'load' | 'oldestWaitMs'>;
  tenantCpu: Pick<TenantCpu, 'used'>;
  clock: Clock;
}

/** What this executor says of itself to operators. */
export function executorState({
  instance,
  cordon,
  sandbox,
  lanes,
  tenantCpu,
  clock,
}: StateParts): ExecutorStateDto {
  const stats = sandbox.stats();
  const queue = (lane: 'interactive' | 'background') => ({
    ...lanes.load(lane),
    oldestWaitMs: Math.round(lanes.oldestWaitMs(lane)),
  });
  return {
    instance,
    at: new Date(clock.now()).toISOString(),
    walls: stats.walls,
    cordon,
    workersMax: stats.workersMax,
    workers: stats.workers.map(({ units, blanks, rssMb, ...worker }) => ({
      ...worker,
      warmIsolates: units,
      blankIsolates: blanks,
      memoryMb: rssMb,
    })),
    queues: {
      interactive: queue('interactive'),
      background: queue('background'),
      workers: {
        running: stats.workers.reduce((sum, { inFlight }) => sum + inFlight, 0),
        waiting: stats.queued,
        oldestWaitMs: stats.oldestWaitMs,
      },
    },
    slowPlugins: stats.slowPlugins,
    coldStarts: stats.coldStarts,
    retries: stats.retries,
    ended: Object.entries(stats.ended).map(([reason, workers]) => ({ reason, workers })),
    tenantCpu: tenantCpu.used(),
  };
}
