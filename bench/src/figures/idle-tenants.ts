import { readFileSync } from 'node:fs';
import type { Figure } from '../figure.ts';
import { bundle, withSandbox } from '../sandbox.ts';

const tenants = 1_000;
const callers = 4;
const cap = 16;

/** Kilobytes that a process alone would give back: shared pages count by their part. */
function pssMb(pid: number): number {
  try {
    const kilobytes = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) / 1_024;
  } catch {
    // It has just ended.
    return 0;
  }
}

export const idleTenants: Figure = {
  id: 'IDLE',
  what: `${tenants} tenants called once each, ${callers} at a time: memory of all workers afterwards`,
  unit: 'MB',
  target: `<= ${cap} processes, no error`,
  ok: ({ value }) => Number.isFinite(value),
  measure: () =>
    withSandbox(
      async ({ go, stats }) => {
        let most = 0;
        let next = 0;
        const watch = setInterval(() => (most = Math.max(most, stats().workers.length)), 5);
        const begun = performance.now();
        const caller = async () => {
          for (let no = next++; no < tenants; no = next++)
            await go(bundle(2_048, no), { cordon: `tenant-${no}` });
        };
        await Promise.all(Array.from({ length: callers }, caller));
        const seconds = (performance.now() - begun) / 1_000;
        clearInterval(watch);
        if (most > cap) throw new Error(`${most} processes`);
        const rss = stats().workers.reduce((sum, { rssMb }) => sum + rssMb, 0);
        const pss = stats().workers.reduce((sum, { pid }) => sum + pssMb(pid), 0);
        return {
          value: pss,
          rounds: [{ value: pss }],
          note: `at most ${most} processes; RSS ${rss} MB; ${((seconds * callers * 1_000) / tenants).toFixed(0)} ms a first call`,
        };
      },
      { workers: cap },
    ),
};
