import { performance } from 'node:perf_hooks';
import type { PaceGround } from './pace.js';

/** How busy this process's event loop is, by its own account. */
export function paceGround(): PaceGround {
  let before = performance.eventLoopUtilization();
  return {
    now: () => performance.now(),
    busy: () => {
      const { utilization } = performance.eventLoopUtilization(before);
      before = performance.eventLoopUtilization();
      return utilization;
    },
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
