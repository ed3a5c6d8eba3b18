import type { Turn } from '../lanes/lanes.js';

/** Why the platform ends a run before its time. */
export type KillReason = 'cancelled' | 'quarantined' | 'lease_lost' | 'shutdown';

export interface Run {
  /** Its leave to run, once it has it. */
  turn?: Turn;
  executionId: string;
  installationId: string;
  tenantId: string;
  digest: string;
  /** Set by the first kill; decides what the run's outcome is called. */
  killed?: { reason: KillReason; text?: string };
}

/** What runs in this process, so that it can be found and stopped. */
export class Running {
  private readonly runs = new Map<string, Run>();

  constructor(private readonly stop: (executionId: string, reason: string) => void) {}

  add(run: Run): void {
    this.runs.set(run.executionId, run);
  }

  delete(run: Run): void {
    if (this.runs.get(run.executionId) === run) this.runs.delete(run.executionId);
  }

  get(executionId: string): Run | undefined {
    return this.runs.get(executionId);
  }

  /** Does the work while the run's slot is free for others: it waits for another run, and may be waited for. */
  waiting<T>(executionId: string, work: () => Promise<T>): Promise<T> {
    const turn = this.runs.get(executionId)?.turn;
    return turn ? turn.lend(work) : work();
  }

  get size(): number {
    return this.runs.size;
  }

  /** @returns whether it was running here */
  kill(executionId: string, reason: KillReason, text?: string): boolean {
    const run = this.runs.get(executionId);
    if (!run) return false;
    run.killed ??= { reason, ...(text !== undefined && { text }) };
    this.stop(executionId, reason);
    return true;
  }

  /** @returns how many were stopped */
  killWhere(match: (run: Run) => boolean, reason: KillReason, text?: string): number {
    const matching = [...this.runs.values()].filter(match);
    for (const run of matching) this.kill(run.executionId, reason, text);
    return matching.length;
  }
}
