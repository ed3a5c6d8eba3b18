import { encodeEvent, type BusRecord } from '@mortise/bus';
import {
  LimitExceeded,
  SecurityViolation,
  type KillEvidence,
  type SecurityViolationData,
} from '@mortise/contracts';
import type { Kill, LimitHit, SandboxResult } from '@mortise/sandbox';
import type { Clock } from '@mortise/service-kit';
import type { RunRequest } from './request.js';

const source = '/executor';

/** Collects what a run did against the rules: each limit once, each permission once. */
export class Evidence {
  private readonly limits = new Map<string, LimitHit>();
  private readonly violations = new Set<string>();
  private found: string | undefined;
  private kill: { kill: Kill; wallMs: number } | undefined;

  limit(hit: LimitHit): void {
    if (!this.limits.has(hit.limit)) this.limits.set(hit.limit, hit);
  }

  violation(permission: string): void {
    this.violations.add(permission);
  }

  killed(kill: Kill, wallMs: number): void {
    this.kill = { kill, wallMs };
  }

  /** @param found sha256 of what the store has in the package's place */
  altered(found: string): void {
    this.found = found;
  }

  /** What the outcome itself says: time and memory, and whether a worker had to die for it. */
  outcome(request: RunRequest, result: SandboxResult): void {
    for (const hit of result.limitsHit ?? []) this.limit(hit);
    if (result.kill) this.killed(result.kill, result.usage.wallMs);
    const { limits } = request.admitted;
    if (result.status === 'timed_out' && !this.limits.has('cpuMs'))
      this.limit({ limit: 'timeoutMs', value: limits.timeoutMs, used: result.usage.wallMs });
    if (result.status === 'out_of_memory')
      this.limit({ limit: 'memoryMb', value: limits.memoryMb, used: result.usage.peakHeapMb });
  }

  records(request: RunRequest, clock: Clock): BusRecord[] {
    const { traceparent } = request;
    const { installation } = request.admitted;
    const { digest } = installation;
    const who = {
      pluginId: installation.pluginId,
      tenantId: installation.tenantId,
      installationId: installation.installationId,
      executionId: request.executionId,
      at: new Date(clock.now()).toISOString(),
    };
    return [
      ...[...this.limits.values()].map((hit) =>
        encodeEvent(
          LimitExceeded,
          { ...who, limit: hit.limit, value: Math.round(hit.value), used: Math.round(hit.used) },
          { source, traceparent },
        ),
      ),
      ...this.violationsOf(request.executionId).map((what) =>
        encodeEvent(SecurityViolation, { ...who, digest, ...what }, { source, traceparent }),
      ),
    ];
  }

  private violationsOf(executionId: string): Pick<SecurityViolationData, 'permission' | 'found' | 'kill'>[] {
    return [
      ...[...this.violations].map((permission) => ({ permission })),
      ...(this.found === undefined ? [] : [{ found: this.found }]),
      ...(this.kill ? [{ kill: evidenceOf(executionId, this.kill) }] : []),
    ];
  }
}

const evidenceOf = (executionId: string, { kill, wallMs }: { kill: Kill; wallMs: number }): KillEvidence => ({
  reason: kill.reason,
  message: kill.message,
  blamed: kill.blamed === executionId,
  rssMb: kill.rssMb,
  cpuMs: kill.cpuMs,
  wallMs: Math.round(wallMs),
  neighbours: kill.executionIds.filter((id) => id !== executionId).length,
});
