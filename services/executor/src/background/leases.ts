import type { Logger } from '@mortise/service-kit';
import type { Running } from '../executions/running.js';
import { keyOf, type RunKey, type Runs } from './runs.js';

type Held = RunKey & { fence: number };

/** Keeps the leases of what runs here; stops a run whose lease another process has taken. */
export class Leases {
  private readonly held = new Map<string, Held>();
  private timer: NodeJS.Timeout | undefined;
  private renewing: Promise<void> | undefined;

  constructor(
    private readonly runs: Runs,
    private readonly running: Running,
    private readonly leaseMs: number,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.renewing ??= this.renew().finally(() => (this.renewing = undefined));
    }, this.leaseMs / 3);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.renewing;
  }

  /**
   * @param askedAtMs `performance.now()` before the run was claimed
   * @returns false when that is so long ago that another process has taken the run: this one must have stood still
   */
  async hold(run: Held, askedAtMs: number): Promise<boolean> {
    const key = keyOf(run);
    if (performance.now() - askedAtMs > this.leaseMs / 2 && !(await this.runs.renew([run])).has(key))
      return false;
    this.held.set(key, run);
    return true;
  }

  drop(run: RunKey): void {
    this.held.delete(keyOf(run));
  }

  /** One statement for all of them. */
  async renew(): Promise<void> {
    const held = [...this.held.values()];
    if (held.length === 0) return;
    try {
      const kept = await this.runs.renew(held);
      for (const run of held) {
        const key = keyOf(run);
        // One that ended meanwhile is not in the answer either, but no longer held.
        if (kept.has(key) || this.held.get(key) !== run) continue;
        this.held.delete(key);
        this.running.kill(run.executionId, 'lease_lost');
        this.logger.warn({ executionId: run.executionId, attempt: run.attempt }, 'lease of a run lost');
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'leases not renewed');
    }
  }
}
