import type { Database, Outbox } from '@mortise/database';
import { ExecuteInBackground, type ExecuteCommand } from '@mortise/contracts';
import { Batcher } from '@mortise/service-kit';
import { keyOf, type Finish, type Runs } from './runs.js';

export interface Finished extends Finish {
  /** The next attempt, when there is one. */
  next?: { command: ExecuteCommand; dueAt: number; traceparent?: string | undefined };
}

/** Writes outcomes, and the commands of next attempts with them, many a transaction. */
export class Finisher {
  private readonly batcher: Batcher<Finished, boolean>;

  constructor(db: Database, runs: Runs, outbox: Outbox) {
    this.batcher = new Batcher((finished: Finished[]) =>
      db.system(async (tx) => {
        const accepted = await runs.finish(tx, finished);
        for (const { next, ...run } of finished) {
          if (!next || !accepted.has(keyOf(run))) continue;
          const { command, dueAt, traceparent } = next;
          const { tenantId, acceptedAt } = command;
          await outbox.add(tx, ExecuteInBackground, command, {
            dueAt,
            tenantId,
            acceptedAt,
            traceparent,
          });
        }
        return finished.map((run) => accepted.has(keyOf(run)));
      }),
    );
  }

  /** @returns false when another process has the run by now: then this outcome does not count */
  finish(finished: Finished): Promise<boolean> {
    return this.batcher.add(finished);
  }
}
