import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { metrics } from './metrics.js';

const memory = metrics.gauge('mortise_process_resident_memory_bytes');
const utilization = metrics.gauge('mortise_process_event_loop_utilization_ratio');

/** What this process itself uses. */
export function watchProcess(): void {
  memory.watch((see) => see(process.memoryUsage.rss()));
  let last: EventLoopUtilization | undefined;
  utilization.watch((see) => {
    const now = performance.eventLoopUtilization();
    see((last ? performance.eventLoopUtilization(now, last) : now).utilization);
    last = now;
  });
}
