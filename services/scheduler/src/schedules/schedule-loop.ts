import { encodeEvent, type BusRecord, type States } from '@mortise/bus';
import { ExecuteInBackground, ScheduleFired, uuidTime } from '@mortise/contracts';
import type { Database, Outbox, Tx } from '@mortise/database';
import { currentTraceparent, derivedId, metrics, tracers, type Logger } from '@mortise/service-kit';
import { isRunnable } from '../state/runnable.js';
import { nextDue } from './cron.js';
import { addFiresSql, advanceSql, dueSql, forgetFiresSql, nowSql, soonestSql } from './schedules.sql.js';
import { decideTick, forgottenMs, type DueSchedule, type TickDecision } from './tick.js';

const batch = 500;
const tickMs = 1_000;
const shortestMs = 20;
const forgetEveryMs = 3_600_000;
const source = '/scheduler';
const lag = metrics.histogram('mortise_schedule_lag_seconds');

interface DueRow extends Omit<DueSchedule, 'runnable'> {
  id: string;
  tenantId: string;
  installationId: string;
  job: string;
  cron: string;
  timezone: string;
  jitterS: number;
  function: string;
  input: Record<string, unknown> | null;
}
interface Decided {
  row: DueRow;
  decision: TickDecision;
  executionId: string;
}

/** Fires due schedules. Any number of replicas share the work: rows are claimed, the database's clock decides. */
export class ScheduleLoop {
  private timer: NodeJS.Timeout | undefined;
  private ticking: Promise<void> | undefined;
  private closed = false;
  private forgotAt = 0;
  private prepare: (() => Promise<unknown>) | undefined;

  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly states: States,
    private readonly logger: Logger,
  ) {}

  /** @param prepare what must have happened before the first look; tried again when it fails */
  start(prepare: () => Promise<unknown> = async () => {}): void {
    this.prepare = prepare;
    this.wake(0);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    // What it prepares with may never come any more.
    if (!this.prepare) await this.ticking;
  }

  /** Fires what is due, at most one batch. @returns how many schedules were due */
  async tick(): Promise<number> {
    return this.db.system(async (tx) => {
      const [clock] = await tx.query<{ now: number }[]>(nowSql);
      const now = Math.floor(clock?.now ?? 0);
      const rows = await tx.query<DueRow[]>(dueSql, [now, batch, forgottenMs]);
      if (rows.length === 0) return 0;
      const decided = rows.map((row) => this.decide(row, now));
      await this.fire(tx, decided, now);
      await advance(tx, decided, now);
      return rows.length;
    });
  }

  private decide(row: DueRow, now: number): Decided {
    const installation = this.states.installations.get(row.installationId);
    const runnable = isRunnable(this.states.plugins, installation);
    const decision = decideTick({ ...row, runnable }, now);
    if (decision.kind === 'skip')
      this.logger.info(
        { tenantId: row.tenantId, installationId: row.installationId, job: row.job, why: decision.why },
        'tick of a job skipped',
      );
    return { row, decision, executionId: derivedId(now, row.id, String(row.dueMs)) };
  }

  private async fire(tx: Tx, decided: Decided[], now: number): Promise<void> {
    const firing = decided.filter(({ decision }) => decision.kind === 'fire');
    if (firing.length === 0) return;
    const added = await tx.query<{ executionId: string }[]>(addFiresSql, [
      firing.map(({ row }) => row.tenantId),
      firing.map(({ row }) => row.id),
      firing.map(({ row }) => new Date(row.dueMs)),
      firing.map(({ executionId }) => executionId),
    ]);
    const fired = new Set(added.map(({ executionId }) => executionId));
    const records = firing
      .filter(({ executionId }) => fired.has(executionId))
      .flatMap(({ row, executionId }) => {
        lag.record((now - row.dueMs) / 1_000);
        return tickRecords(row, executionId);
      });
    await this.outbox.addRecords(tx, records);
  }

  private wake(inMs: number): void {
    if (this.closed) return;
    this.timer = setTimeout(() => {
      this.ticking = this.work().then((next) => this.wake(next));
    }, inMs);
  }

  /** @returns milliseconds until the next look */
  private async work(): Promise<number> {
    try {
      await this.prepare?.();
      this.prepare = undefined;
      if (this.closed) return tickMs;
      if ((await this.tick()) === batch) return 0;
      await this.forget();
      const [soonest] = await this.db.system((tx) => tx.query<{ inMs: number | null }[]>(soonestSql));
      return Math.min(Math.max(soonest?.inMs ?? tickMs, shortestMs), tickMs);
    } catch (error) {
      this.logger.warn({ err: error }, 'schedules not looked at: trying again');
      return tickMs;
    }
  }

  private async forget(): Promise<void> {
    if (Date.now() - this.forgotAt < forgetEveryMs) return;
    this.forgotAt = Date.now();
    await this.db.system((tx) => tx.query(forgetFiresSql));
  }
}

/** The command to run and the event that tells of it. */
export function tickRecords(
  row: Pick<DueRow, 'tenantId' | 'installationId' | 'job' | 'function' | 'input' | 'dueMs'>,
  executionId: string,
): BusRecord[] {
  const { tenantId, installationId, job } = row;
  // The id carries the time of acceptance: a record is looked up by it.
  const acceptedAt = new Date(uuidTime(executionId)).toISOString();
  const dueAt = new Date(row.dueMs).toISOString();
  const command = {
    executionId,
    tenantId,
    installationId,
    acceptedAt,
    trigger: 'job' as const,
    triggerName: job,
    attempt: 1,
    function: row.function,
    // The tick, with what the manifest gives the job.
    input: { ...row.input, job, dueAt },
  };
  const traceparent = currentTraceparent() ?? newTrace(job, tenantId);
  return [
    encodeEvent(ExecuteInBackground, command, { source, tenantId, acceptedAt, traceparent }),
    encodeEvent(
      ScheduleFired,
      { installationId, tenantId, job, dueAt, executionId },
      { source, tenantId, traceparent },
    ),
  ];
}

/** A tick that nobody asked for begins a trace. */
function newTrace(job: string, tenantId: string): string | undefined {
  const attributes = { 'mortise.job': job, 'tenant.id': tenantId };
  const span = tracers.scheduler?.start('schedule.fire', { kind: 'internal', attributes });
  span?.end();
  return span?.traceparent;
}

async function advance(tx: Tx, decided: Decided[], now: number): Promise<void> {
  const next = decided.map(({ row, decision }) => {
    if (decision.kind === 'wait') return { nextAt: new Date(row.dueMs), hold: 'waiting', lastAt: null };
    const due = nextDue(row, Math.max(now, row.dueMs));
    return {
      nextAt: due === undefined ? null : new Date(due),
      hold: null,
      lastAt: decision.kind === 'fire' ? new Date(row.dueMs) : null,
    };
  });
  await tx.query(advanceSql, [
    decided.map(({ row }) => row.id),
    next.map(({ nextAt }) => nextAt),
    next.map(({ hold }) => hold),
    next.map(({ lastAt }) => lastAt),
  ]);
}
