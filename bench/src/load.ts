// Callers that each make one call after the other, and what a call costs this process.
import { GCProfiler, type GCProfilerResult } from 'node:v8';
import { percentile } from './figure.ts';

export interface Load {
  p50Ms: number;
  p99Ms: number;
  perSecond: number;
  /** Of this process, both sides of the call included where both live in it. */
  cpuUsPerCall: number;
  allocatedKbPerCall: number;
}

const allocatedBytes = ({ statistics }: GCProfilerResult, startBytes: number): number => {
  let [bytes, after] = [0, startBytes];
  for (const { beforeGC, afterGC } of statistics) {
    bytes += Math.max(0, beforeGC.heapStatistics.usedHeapSize - after);
    after = afterGC.heapStatistics.usedHeapSize;
  }
  return bytes + Math.max(0, process.memoryUsage().heapUsed - after);
};

/** What work costs this process, a unit of it. */
export interface Cost {
  tookMs: number;
  cpuUs: number;
  allocatedKb: number;
}

export async function costOf(units: number, work: () => Promise<unknown>): Promise<Cost> {
  const profiler = new GCProfiler();
  const startBytes = process.memoryUsage().heapUsed;
  profiler.start();
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const tookMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return {
    tookMs,
    cpuUs: (user + system) / units,
    allocatedKb: allocatedBytes(profiler.stop(), startBytes) / 1_024 / units,
  };
}

export const shownCost = ({ cpuUs, allocatedKb }: Cost, unit: string): string =>
  `${cpuUs.toFixed(cpuUs < 10 ? 1 : 0)} us CPU and ${allocatedKb.toFixed(1)} KB allocated ${unit}`;

/** @param once told which caller it is for */
export async function load(
  callers: number,
  calls: number,
  once: (caller: number) => Promise<unknown>,
): Promise<Load> {
  const times: number[] = [];
  let left = calls;
  const { tookMs, cpuUs, allocatedKb } = await costOf(calls, () =>
    Promise.all(
      Array.from({ length: callers }, async (_, caller) => {
        while (left-- > 0) {
          const from = performance.now();
          await once(caller);
          times.push(performance.now() - from);
        }
      }),
    ),
  );
  return {
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    perSecond: (calls * 1_000) / tookMs,
    cpuUsPerCall: cpuUs,
    allocatedKbPerCall: allocatedKb,
  };
}

export const shown = ({ p50Ms, p99Ms, perSecond, cpuUsPerCall, allocatedKbPerCall }: Load): string =>
  `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${Math.round(perSecond)}/s, ${Math.round(cpuUsPerCall)} us CPU and ${allocatedKbPerCall.toFixed(1)} KB allocated a call`;
