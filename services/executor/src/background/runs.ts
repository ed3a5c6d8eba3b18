import type { Database, Tx } from '@mortise/database';
import type { ExecutionData } from '@mortise/contracts';
import { claimSql, cancelSql, finishSql, forgetSql, lookUpSql, releaseSql, renewSql } from './runs.sql.js';

/** Names one attempt of one execution. */
export interface RunKey {
  executionId: string;
  attempt: number;
}
export interface RunOwner extends RunKey {
  tenantId: string;
  installationId: string;
}
export type Claim =
  | { kind: 'won'; fence: number }
  /** It ended before: only its outcome may still have to be told. */
  | { kind: 'finished'; outcome: ExecutionData }
  /** Another process runs it, or died in it less than a lease ago. */
  | { kind: 'held'; leftMs: number };

export interface Finish extends RunKey {
  fence: number;
  outcome: ExecutionData;
}

export const keyOf = (run: RunKey): string => `${run.executionId}/${run.attempt}`;
const column = <T, K extends keyof T>(rows: readonly T[], name: K): T[K][] => rows.map((row) => row[name]);

/** The claims of background runs. All times are the database's. */
export class Runs {
  /** @param owner names this process; shown to operators, the fence decides */
  constructor(
    private readonly db: Database,
    private readonly owner: string,
    private readonly leaseMs: number,
  ) {}

  /** Claims every run that is new or whose owner let its lease run out. Runs must differ from one another. */
  async claim(runs: RunOwner[]): Promise<Claim[]> {
    return this.db.system(async (tx) => {
      const ids = [column(runs, 'executionId'), column(runs, 'attempt')];
      const won = new Map(
        (
          await tx.query<(RunKey & { fence: number })[]>(claimSql, [
            ...ids,
            column(runs, 'tenantId'),
            column(runs, 'installationId'),
            this.owner,
            this.leaseMs,
          ])
        ).map((row) => [keyOf(row), row.fence]),
      );
      const known =
        won.size === runs.length
          ? new Map<string, { outcome: ExecutionData | null; leftMs: number }>()
          : new Map(
              (
                await tx.query<(RunKey & { outcome: ExecutionData | null; leftMs: number })[]>(lookUpSql, ids)
              ).map((row) => [keyOf(row), row]),
            );
      return runs.map((run): Claim => {
        const fence = won.get(keyOf(run));
        if (fence !== undefined) return { kind: 'won', fence };
        const row = known.get(keyOf(run));
        if (row?.outcome) return { kind: 'finished', outcome: row.outcome };
        return { kind: 'held', leftMs: Math.max(row?.leftMs ?? 0, 0) };
      });
    });
  }

  /** @returns the keys that are still ours; the others were taken over or cancelled */
  async renew(runs: (RunKey & { fence: number })[]): Promise<Set<string>> {
    const rows = await this.db.system((tx) =>
      tx.query<RunKey[]>(renewSql, [
        column(runs, 'executionId'),
        column(runs, 'attempt'),
        column(runs, 'fence'),
        this.leaseMs,
      ]),
    );
    return new Set(rows.map(keyOf));
  }

  /** Lets go of a run that did not start, so that the next delivery need not wait for the lease. */
  async release(run: RunKey & { fence: number }): Promise<void> {
    await this.db.system((tx) => tx.query(releaseSql, [run.executionId, run.attempt, run.fence]));
  }

  /** Writes outcomes. @returns the keys whose fence was good: only those count */
  async finish(tx: Tx, finished: Finish[]): Promise<Set<string>> {
    const rows = await tx.query<RunKey[]>(finishSql, [
      column(finished, 'executionId'),
      column(finished, 'attempt'),
      column(finished, 'fence'),
      finished.map(({ outcome }) => JSON.stringify(outcome)),
    ]);
    return new Set(rows.map(keyOf));
  }

  /** Ends a run before it starts. @returns undefined when that worked, else what stands there */
  async cancel(
    run: RunOwner,
    outcome: ExecutionData,
  ): Promise<{ outcome: ExecutionData | null } | undefined> {
    return this.db.tx(run.tenantId, async (tx) => {
      const { tenantId, executionId, attempt, installationId } = run;
      const inserted = await tx.query<RunKey[]>(cancelSql, [
        tenantId,
        executionId,
        attempt,
        installationId,
        JSON.stringify(outcome),
      ]);
      if (inserted.length > 0) return undefined;
      const [row] = await tx.query<{ outcome: ExecutionData | null }[]>(lookUpSql, [
        [executionId],
        [attempt],
      ]);
      return { outcome: row?.outcome ?? null };
    });
  }

  /** Forgets what ended so long ago that no command of it can come again. */
  async forget(olderThanDays: number): Promise<void> {
    await this.db.system((tx) => tx.query(forgetSql, [olderThanDays]));
  }
}
