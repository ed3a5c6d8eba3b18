import { totalmem } from 'node:os';
import type { Worker } from './worker.js';

const workerAtRestMb = 64;

/** What this process and its workers may use together. */
const memoryMb = () => Math.min(totalmem(), process.constrainedMemory() || Infinity) / 1_048_576;

/**
 * A worker at rest costs memory and nothing else, while taking one from a cordon for another costs a process start: so
 * many as fit into a quarter of the memory.
 */
export const defaultWorkers = () => Math.max(8, Math.min(64, Math.floor(memoryMb() / 4 / workerAtRestMb)));

export const defaultIsolatesMb = () => Math.floor(memoryMb() / 4);

/** When a worker has served long enough. */
export interface Wear {
  executions: number;
  /** Memory beside what runs in it. */
  restMb: number;
}

export const isWorn = ({ aboard, units, rssMb }: Worker, wear: Wear): boolean =>
  aboard.executions >= wear.executions || rssMb - units.allowedMb() > wear.restMb;

/** The least recently used of those that have nothing to do. */
export function leastUsed(workers: Iterable<Worker>): Worker | undefined {
  let oldest: Worker | undefined;
  for (const worker of workers) {
    if (worker.inFlight === 0 && (!oldest || worker.lastUsedAt < oldest.lastUsedAt)) oldest = worker;
  }
  return oldest;
}

/** Which isolates at rest have to go so that all together take no more than `mostMb`. */
export function leastRecent(workers: Iterable<Worker>, mostMb: number): { worker: Worker; key: string }[] {
  const all = [...workers];
  let overMb = all.reduce((sum, { units }) => sum + units.sizeMb(), -mostMb);
  if (overMb <= 0) return [];
  const resting = all.flatMap((worker) => worker.units.atRest().map((unit) => ({ worker, ...unit })));
  resting.sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  const going = [];
  for (const { worker, key, mb } of resting) {
    if (overMb <= 0) break;
    overMb -= mb;
    going.push({ worker, key });
  }
  return going;
}
