import { setTimeout as delay } from 'node:timers/promises';
import type { Database, Outbox } from '@mortise/database';
import { ExecuteInBackground, type ExecuteCommand } from '@mortise/contracts';
import { Batcher } from '@mortise/service-kit';
import { keyOf, type Finish, type Runs } from './runs.js';

export interface Finished extends Finish {
  /** The next attempt, when there is one. */
  next?: { command: ExecuteCommand; dueAt: number; traceparent?: string | undefined };
}

/** How long an outcome waits for a database that is away. */
const patienceMs = 60_000;
const pauseMs = { first: 50, most: 1_000 };

/** Writes outcomes, and the commands of next attempts with them, many a transaction. */
export class Finisher {
  private readonly batcher = new Batcher((finished: Finished[]) => this.write(finished));

  constructor(
    private readonly db: Database,
    private readonly runs: Runs,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Tries again while the database is away: what ran would otherwise run once more for want of its outcome.
   * @returns false when another process has the run by now: then this outcome does not count
   * @throws when it may or may not have been written; the claim knows
   */
  async finish(finished: Finished): Promise<boolean> {
    try {
      return await this.batcher.add(finished);
    } catch (error) {
      if (await this.tryAgain(finished)) return true;
      throw error;
    }
  }

  /** Alone: an outcome that no database would take must not keep back those it came with. */
  private async tryAgain(finished: Finished): Promise<boolean> {
    const deadline = performance.now() + patienceMs;
    for (let waitMs = pauseMs.first; ; waitMs = Math.min(waitMs * 2, pauseMs.most)) {
      await delay(waitMs);
      try {
        return (await this.write([finished]))[0] === true;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
    }
  }

  private write(finished: Finished[]): Promise<boolean[]> {
    return this.db.system(async (tx) => {
      const accepted = await this.runs.finish(tx, finished);
      for (const { next, ...run } of finished) {
        if (!next || !accepted.has(keyOf(run))) continue;
        const { command, dueAt, traceparent } = next;
        const { tenantId, acceptedAt } = command;
        await this.outbox.add(tx, ExecuteInBackground, command, { dueAt, tenantId, acceptedAt, traceparent });
      }
      return finished.map((run) => accepted.has(keyOf(run)));
    });
  }
}
