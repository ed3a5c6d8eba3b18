import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Below the supervisor, which has to get the processor when a worker is to be watched or ended. */
export const workerNice = 5;
/** As low as it gets: with 12, eight of them on two processors cost the fast lane 5 ms at p99, with 19 two. */
export const slowNice = 19;

/**
 * Lowers a process with all its threads. Linux keeps niceness by thread, and where the kernel groups by session
 * (autogroup) it counts only among the processes of one: a session of its own has a niceness too.
 */
export function lowerPriority(pid: number, nice: number): void {
  try {
    setPriority(pid, nice);
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), nice);
    writeFileSync(`/proc/${pid}/autogroup`, String(nice));
  } catch {
    // It has ended, or this kernel has no such groups, or they are not ours to change: the priority stays as it is.
  }
}
