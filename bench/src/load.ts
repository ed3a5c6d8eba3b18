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

/** @param once told which caller it is for */
export async function load(
  callers: number,
  calls: number,
  once: (caller: number) => Promise<unknown>,
): Promise<Load> {
  const profiler = new GCProfiler();
  const startBytes = process.memoryUsage().heapUsed;
  profiler.start();
  const cpu = process.cpuUsage();
  const times: number[] = [];
  const started = performance.now();
  let left = calls;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      while (left-- > 0) {
        const from = performance.now();
        await once(caller);
        times.push(performance.now() - from);
      }
    }),
  );
  const tookMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return {
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    perSecond: (calls * 1_000) / tookMs,
    cpuUsPerCall: (user + system) / calls,
    allocatedKbPerCall: allocatedBytes(profiler.stop(), startBytes) / 1_024 / calls,
  };
}

export const shown = ({ p50Ms, p99Ms, perSecond, cpuUsPerCall, allocatedKbPerCall }: Load): string =>
  `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${Math.round(perSecond)}/s, ${Math.round(cpuUsPerCall)} us CPU and ${allocatedKbPerCall.toFixed(1)} KB allocated a call`;
