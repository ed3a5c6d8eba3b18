import type { Sandbox } from '@mortise/sandbox';
import { metrics } from '@mortise/service-kit';

const workers = metrics.gauge('mortise_sandbox_workers');
const memory = metrics.gauge('mortise_sandbox_worker_memory_bytes');
const isolates = metrics.gauge('mortise_sandbox_isolates');
const wait = metrics.gauge('mortise_sandbox_wait_seconds');
const slow = metrics.gauge('mortise_sandbox_slow_plugins');
const walls = metrics.gauge('mortise_sandbox_walls');

const bytesPerMb = 1_048_576;

/** Shows what the sandbox says of itself at each scrape. @returns what ends it */
export function showSandbox(sandbox: Sandbox): () => void {
  const ends = [
    workers.watch((see) => {
      const all = sandbox.stats().workers;
      for (const lane of ['fast', 'slow', 'spare'] as const)
        see(all.filter((worker) => (worker.lane ?? 'spare') === lane).length, { lane });
    }),
    memory.watch((see) => {
      for (const { slot, rssMb } of sandbox.stats().workers)
        see(rssMb * bytesPerMb, { worker: String(slot) });
    }),
    isolates.watch((see) => {
      const all = sandbox.stats().workers;
      see(sum(all.map(({ units }) => units)), { state: 'warm' });
      see(sum(all.map(({ blanks }) => blanks)), { state: 'blank' });
    }),
    wait.watch((see) => see(sandbox.stats().oldestWaitMs / 1_000)),
    slow.watch((see) => see(sandbox.stats().slowPlugins)),
    walls.watch((see) => {
      const { tool, ...flags } = sandbox.stats().walls;
      for (const [wall, stands] of Object.entries({ bubblewrap: tool === 'bubblewrap', ...flags }))
        see(stands ? 1 : 0, { wall });
    }),
  ];
  return () => ends.forEach((end) => end());
}

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
