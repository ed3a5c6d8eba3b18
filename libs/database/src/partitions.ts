import type { Clock, Logger } from '@mortise/service-kit';
import { systemClock } from '@mortise/service-kit';
import type { Database, Tx } from './database.js';

/** How much time one partition holds. */
export type Grain = 'day' | 'week' | 'month';

/** A table partitioned by time and how long its rows are kept. */
export interface PartitionedTable {
  table: string;
  grain: Grain;
  /** Partitions made ahead of time. */
  ahead: number;
  keepDays: number;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** Every service's inbox: repeats older than yesterday are new events, so four days are plenty. */
const inbox: PartitionedTable = { table: 'inbox', grain: 'day', ahead: 7, keepDays: 4 };

/**
 * Makes partitions ahead of time and drops old ones. What no partition fits goes to the default one and moves out
 * when its partition is made.
 */
export class Partitions {
  private timer: NodeJS.Timeout | undefined;
  private readonly tables: PartitionedTable[];
  private readonly clock: Clock;

  /** @param o.tables besides the inbox */
  constructor(
    private readonly o: { db: Database; tables?: PartitionedTable[]; clock?: Clock; logger?: Logger },
  ) {
    this.tables = [inbox, ...(o.tables ?? [])];
    this.clock = o.clock ?? systemClock;
  }

  /** Keeps the tables now and every hour. */
  async start(): Promise<void> {
    await this.keep();
    this.timer = setInterval(() => {
      this.keep().catch((error: unknown) =>
        this.o.logger?.error({ error: String(error) }, 'partitions not kept'),
      );
    }, hourMs);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Makes what is missing ahead, drops what is too old. */
  async keep(): Promise<void> {
    const now = this.clock.now();
    for (const { table, grain, ahead, keepDays } of this.tables) {
      const dropped = await this.o.db.system(async (tx) => {
        await Partitions.ensure(tx, table, grain, ahead, now);
        return Partitions.dropOlderThan(tx, table, now - keepDays * dayMs);
      });
      if (dropped.length > 0) this.o.logger?.info({ table, dropped }, 'old partitions dropped');
    }
  }

  /** @returns names of the partitions it made; run it in `db.system` */
  static async ensure(tx: Tx, table: string, grain: Grain, ahead: number, nowMs: number): Promise<string[]> {
    const rows = await tx.query<{ name: string }[]>(
      `select name from mortise.ensure_partitions($1::regclass, $2, $3, to_timestamp($4 / 1000.0)) as name`,
      [table, grain, ahead, nowMs],
    );
    return rows.map(({ name }) => name);
  }

  /** @returns names of the partitions it dropped: those that hold nothing younger; run it in `db.system` */
  static async dropOlderThan(tx: Tx, table: string, timeMs: number): Promise<string[]> {
    const rows = await tx.query<{ name: string }[]>(
      `select name from mortise.drop_partitions($1::regclass, to_timestamp($2 / 1000.0)) as name`,
      [table, timeMs],
    );
    return rows.map(({ name }) => name);
  }
}
