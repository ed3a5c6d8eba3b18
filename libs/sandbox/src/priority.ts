import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Below the supervisor, which has to get the processor when a worker is to be watched or ended. */
export const workerNice = 5;
/** As low as it gets: with 12, eight of them on two processors cost the fast lane 5 ms at p99, with 19 two. */
const slowNice = 19;

/** Lowers a process with all its threads: Linux keeps niceness by thread. */
export function lowerPriority(pid: number, nice: number): void {
  try {
    setPriority(pid, nice);
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), nice);
  } catch {
    // It has ended, or is not ours to change: the priority stays as it is.
  }
}

/**
 * Lowers a worker to where it holds up nobody. Where the kernel groups processes by session (autogroup), niceness counts
 * among those of one session only, and the session has one of its own. A quick worker keeps that: with it lowered, one
 * call on a busy machine took half as long again.
 */
export function lowerToSlow(pid: number): void {
  lowerPriority(pid, slowNice);
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(slowNice));
  } catch {
    // This kernel has no such groups, or it has ended.
  }
}
