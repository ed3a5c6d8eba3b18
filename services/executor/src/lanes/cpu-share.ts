import type { Clock } from '@mortise/service-kit';

const windowMs = 10_000;
/** Beyond so many installations those that owe nothing any more are forgotten, now and then. */
const keptAtRest = 10_000;
const forgetEveryMs = 1_000;

interface Level {
  /** Processor time that has been used and not been earned yet. */
  ms: number;
  at: number;
  percent: number;
}

export interface OverShare {
  details: { limit: 'cpuPercent'; value: number; used: number };
  waitMs: number;
}

/**
 * The limit `cpuPercent`: what the runs of an installation take of one processor, counted over ten seconds. A level that
 * each ended run raises and time lowers: over what the window allows, no further run starts. What is over twice of it is
 * forgiven, so that nobody waits longer than the window.
 */
export class CpuShare {
  private readonly levels = new Map<string, Level>();
  private forgotAt = 0;

  constructor(private readonly clock: Clock) {}

  /** A run has ended. @returns the percentage that was used, when this run took the installation over its limit */
  add(installationId: string, percent: number, cpuMs: number): number | undefined {
    if (cpuMs <= 0) return undefined;
    const mostMs = (windowMs * percent) / 100;
    const before = this.level(installationId, percent);
    const ms = Math.min(before + cpuMs, 2 * mostMs);
    const at = this.clock.now();
    if (this.levels.size >= keptAtRest && at - this.forgotAt >= forgetEveryMs) this.forget(at);
    this.levels.set(installationId, { ms, at, percent });
    return before <= mostMs && ms > mostMs ? ((before + cpuMs) / windowMs) * 100 : undefined;
  }

  /** Why its next run has to wait, and how long; undefined: it may start. */
  over(installationId: string, percent: number): OverShare | undefined {
    if (!this.levels.has(installationId)) return undefined;
    const ms = this.level(installationId, percent);
    const overMs = ms - (windowMs * percent) / 100;
    if (overMs <= 0) return undefined;
    return {
      details: { limit: 'cpuPercent', value: percent, used: Math.round((ms / windowMs) * 100) },
      waitMs: Math.ceil((overMs * 100) / percent),
    };
  }

  get size(): number {
    return this.levels.size;
  }

  private level(installationId: string, percent: number): number {
    const known = this.levels.get(installationId);
    if (!known) return 0;
    return Math.max(0, known.ms - ((this.clock.now() - known.at) * percent) / 100);
  }

  private forget(at: number): void {
    this.forgotAt = at;
    for (const [id, { percent }] of this.levels) if (this.level(id, percent) === 0) this.levels.delete(id);
  }
}
