interface Pace {
  /** When the next one is due. */
  nextMs: number;
  perSecond: number;
  served: number;
  sinceMs: number;
  /** Nothing more of it waited when one had ended: it would have been served faster. */
  hungry: boolean;
}

/** At the earliest: less would come back before anything has changed. */
const soonestMs = 500;
/** At the latest: whoever was thought slower than it is must not stay idle for long. */
const latestMs = 600_000;
const measuredForMs = 1_000;
const leastPerSecond = 20;
/** Rather too early than too late: early means to be put off once more, late that a tenant's slots stay empty. */
const hurry = 1.25;
/** Due times lie on full quarters of a second, so that many rows share one statement. */
const stepMs = 250;
const remembered = 1_024;

/** When what tenants have too much of comes back: one after the other, about as fast as the tenant is served. */
export class DeferralSchedule {
  private readonly paces = new Map<string, Pace>();

  /** @param firstPerSecond taken for the speed of a tenant whose own is not known yet */
  constructor(private readonly firstPerSecond: number) {}

  /** @returns milliseconds since 1970 */
  next(tenantId: string, nowMs: number): number {
    let pace = this.paces.get(tenantId);
    if (!pace) {
      if (this.paces.size >= remembered) this.forget(nowMs);
      pace = { nextMs: 0, perSecond: this.firstPerSecond, served: 0, sinceMs: nowMs, hungry: false };
      this.paces.set(tenantId, pace);
    }
    const dueMs = Math.min(Math.max(pace.nextMs, nowMs + soonestMs), nowMs + latestMs);
    pace.nextMs = dueMs + 1_000 / (pace.perSecond * hurry);
    return Math.ceil(dueMs / stepMs) * stepMs;
  }

  /** A run of the tenant has ended. @param waiting how many more of it wait in memory */
  served(tenantId: string, waiting: number, nowMs: number): void {
    const pace = this.paces.get(tenantId);
    if (!pace) return;
    pace.served += 1;
    if (waiting === 0) pace.hungry = true;
    const elapsedMs = nowMs - pace.sinceMs;
    if (elapsedMs < measuredForMs) return;
    const measured = (pace.served * 1_000) / elapsedMs;
    pace.perSecond = pace.hungry
      ? Math.max(pace.perSecond, measured) * 2
      : Math.max(leastPerSecond, (pace.perSecond + measured) / 2);
    Object.assign(pace, { served: 0, sinceMs: nowMs, hungry: false });
  }

  get size(): number {
    return this.paces.size;
  }

  private forget(nowMs: number): void {
    for (const [tenantId, { nextMs }] of this.paces) if (nextMs < nowMs) this.paces.delete(tenantId);
  }
}
