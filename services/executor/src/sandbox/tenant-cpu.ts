import { metrics, type Clock } from '@mortise/service-kit';

const cpu = metrics.gauge('mortise_tenant_cpu_seconds');

const windowMs = 60_000;
const shown = 10;

/** The tenants that used most, and all the others as one: a list that no number of tenants makes longer. */
export function top(used: ReadonlyMap<string, number>, count: number): { tenant: string; cpuMs: number }[] {
  const sorted = [...used].sort((a, b) => b[1] - a[1]);
  const rest = sorted.slice(count).reduce((sum, [, cpuMs]) => sum + cpuMs, 0);
  return [
    ...sorted.slice(0, count).map(([tenant, cpuMs]) => ({ tenant, cpuMs })),
    ...(rest > 0 ? [{ tenant: 'other', cpuMs: rest }] : []),
  ];
}

/** Processor time of plugins by tenant, minute by minute. */
export class TenantCpu {
  private startedAt: number;
  private minute = new Map<string, number>();
  private before: ReadonlyMap<string, number> = new Map();

  constructor(private readonly clock: Clock) {
    this.startedAt = clock.now();
  }

  add(tenantId: string, cpuMs: number): void {
    this.turn();
    this.minute.set(tenantId, (this.minute.get(tenantId) ?? 0) + cpuMs);
  }

  /** Of the last whole minute. */
  used(): { tenant: string; cpuMs: number }[] {
    this.turn();
    return top(this.before, shown);
  }

  /** @returns what ends it */
  show(): () => void {
    return cpu.watch((see) => {
      for (const { tenant, cpuMs } of this.used()) see(cpuMs / 1_000, { tenant });
    });
  }

  private turn(): void {
    const windows = Math.floor((this.clock.now() - this.startedAt) / windowMs);
    if (windows < 1) return;
    this.startedAt += windows * windowMs;
    this.before = windows === 1 ? this.minute : new Map();
    this.minute = new Map();
  }
}
