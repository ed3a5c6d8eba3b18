import { encodeEvent } from '@mortise/bus';
import { ExecuteInBackground, type ExecuteCommand } from '@mortise/contracts';
import type { Database, Outbox } from '@mortise/database';
import { Batcher, metrics, type Clock } from '@mortise/service-kit';
import { DeferralSchedule } from './deferral-schedule.js';

const deferred = metrics.counter('mortise_executions_deferred_total');

const source = '/executor';
const firstPerSecond = 500;

/** A command and the trace it belongs to. */
export interface Queued {
  command: ExecuteCommand;
  /** W3C trace context. */
  traceparent: string | undefined;
}
interface PutOff extends Queued {
  dueAt: number;
}

/** Puts off what a tenant has too much of: rows of the outbox that come back as commands when they are due. */
export class Deferrals {
  private readonly schedule = new DeferralSchedule(firstPerSecond);
  private readonly batcher: Batcher<PutOff, true>;

  constructor(
    db: Database,
    outbox: Outbox,
    private readonly clock: Clock,
  ) {
    this.batcher = new Batcher((all: PutOff[]) =>
      db.system(async (tx) => {
        for (const [dueAt, some] of Map.groupBy(all, (one) => one.dueAt))
          await outbox.addRecords(tx, some.map(encoded), { dueAt });
        return all.map((): true => true);
      }),
    );
  }

  /** Resolves when the row is committed: the command is finished then, its execution still `queued`. */
  async defer(queued: Queued, atLeastMs = 0): Promise<void> {
    const now = this.clock.now();
    const dueAt = Math.max(now + atLeastMs, this.schedule.next(queued.command.tenantId, now));
    await this.batcher.add({ ...queued, dueAt });
    deferred.add(1);
  }

  /** A run of the tenant has ended, so many more of it wait: what was put off comes back about as fast. */
  served(tenantId: string, waiting: number): void {
    this.schedule.served(tenantId, waiting, this.clock.now());
  }
}

const encoded = ({ command, traceparent }: PutOff) => {
  const { tenantId, acceptedAt } = command;
  return encodeEvent(ExecuteInBackground, command, { source, tenantId, acceptedAt, traceparent });
};
