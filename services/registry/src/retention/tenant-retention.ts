import type { StateTable } from '@mortise/bus';
import type { TenantStateData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { metrics, type Clock, type Logger } from '@mortise/service-kit';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const rowsAtOnce = 2_000;
const deletedRows = metrics.counter('mortise_retention_deleted_rows_total');

// What others delete or bring up to date at this moment is left to them, or to the next time. A run that has not ended
// is not over, however long ago it was accepted.
const deleteExecutions = `
  with old as (
    select id, accepted_at from executions
    where tenant_id = $1 and accepted_at < $2 and finished_at is not null
    order by accepted_at limit $3 for update skip locked
  )
  delete from executions e using old where e.tenant_id = $1 and e.id = old.id and e.accepted_at = old.accepted_at`;
const deleteLogs = `
  with old as (
    select execution_id, sequence, at from logs where tenant_id = $1 and at < $2 limit $3 for update skip locked
  )
  delete from logs l using old
  where l.tenant_id = $1 and l.execution_id = old.execution_id and l.sequence = old.sequence and l.at = old.at`;

export interface TenantRetentionOptions {
  db: Database;
  tenants: Pick<StateTable<TenantStateData>, 'caughtUp' | 'values'>;
  /** How long the platform keeps them: dropping partitions is cheaper, so a tenant's setting counts only below it. */
  executionsKeepDays: number;
  logsKeepDays: number;
  clock: Clock;
  logger: Logger;
}

/** Deletes what tenants do not want kept for as long as the platform keeps it, a bounded batch at a time. */
export class TenantRetention {
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(private readonly o: TenantRetentionOptions) {}

  /** Sweeps when the tenants are known, and every hour. */
  start(): void {
    const sweep = () => {
      this.sweeping = this.sweeping
        .then(() => this.sweep())
        .catch((error: unknown) => this.o.logger.error({ err: error }, 'old rows of tenants not deleted'));
    };
    void this.o.tenants.caughtUp.then(() => {
      if (this.closed) return;
      sweep();
      this.timer = setInterval(sweep, hourMs);
      this.timer.unref();
    });
  }

  /** Ends after the batch that is under way. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.sweeping;
  }

  /** Deletes what is too old now. */
  async sweep(): Promise<void> {
    const { tenants, executionsKeepDays, logsKeepDays, clock } = this.o;
    for (const { tenantId, retentionDays } of [...tenants.values()]) {
      if (retentionDays === undefined) continue;
      const before = new Date(clock.now() - retentionDays * dayMs);
      if (retentionDays < executionsKeepDays) await this.drain(tenantId, 'executions', before);
      if (retentionDays < logsKeepDays) await this.drain(tenantId, 'logs', before);
    }
  }

  private async drain(tenantId: string, table: 'executions' | 'logs', before: Date): Promise<void> {
    const statement = table === 'executions' ? deleteExecutions : deleteLogs;
    let total = 0;
    for (let deleted = rowsAtOnce; deleted === rowsAtOnce && !this.closed; total += deleted) {
      const answer = await this.o.db.tx(tenantId, (tx) =>
        tx.query<[unknown[], number]>(statement, [tenantId, before, rowsAtOnce]),
      );
      deleted = answer[1];
      deletedRows.add(deleted, { table });
    }
    if (total > 0) this.o.logger.info({ tenantId, table, rows: total, before }, 'old rows deleted');
  }
}
