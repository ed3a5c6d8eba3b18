import { encodeEvent, type BusRecord } from '@mortise/bus';
import { LimitExceeded } from '@mortise/contracts';
import type { CpuShare } from '../lanes/cpu-share.js';
import type { RunRequest } from './request.js';
import type { Done } from './runner.js';

/** Counts what a run used to its installation's share of the processor. @returns what there is to tell of it */
export function charge(shares: CpuShare, { admitted }: RunRequest, { data, traceparent }: Done): BusRecord[] {
  const { cpuPercent } = admitted.limits;
  const { pluginId, tenantId, installationId, executionId, usage, finishedAt } = data;
  const used = shares.add(installationId, cpuPercent, usage?.cpuMs ?? 0);
  if (used === undefined) return [];
  const at = finishedAt ?? new Date().toISOString();
  const who = { pluginId, tenantId, installationId, executionId, at };
  const hit = { limit: 'cpuPercent', value: cpuPercent, used: Math.round(used) };
  return [encodeEvent(LimitExceeded, { ...who, ...hit }, { source: '/executor', traceparent })];
}
