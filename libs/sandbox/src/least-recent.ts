import type { Worker } from './worker.js';

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
