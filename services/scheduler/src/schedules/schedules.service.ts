import type { InstallationStateData, ManifestJob } from '@mortise/contracts';
import type { Database, Tx } from '@mortise/database';
import { derivedId, type Clock } from '@mortise/service-kit';
import { nextDue } from './cron.js';
import { dropOthersSql, dropSql, jobsSql, knownSql, pauseSql, upsertSql } from './schedules.sql.js';

export interface JobRow {
  job: string;
  nextAt: Date | null;
  lastAt: Date | null;
  enabled: boolean;
  paused: boolean;
}

/** The same in every replica, so that all of them write the same row. */
export const scheduleId = (installationId: string, job: string): string =>
  derivedId(0, 'schedule', installationId, job);

const rule = (installation: InstallationStateData, job: ManifestJob) => ({
  id: scheduleId(installation.installationId, job.name),
  cron: job.schedule,
  timezone: job.timezone ?? 'UTC',
  jitterS: job.jitterS ?? 0,
});

/** Schedules as rows, derived from installations. */
export class Schedules {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** Brings the rows of an installation in line with its state; older states change nothing. */
  async sync(installation: InstallationStateData): Promise<void> {
    const { tenantId, installationId, jobs, revision, status } = installation;
    if (status === 'uninstalled') return this.drop(tenantId, installationId);
    await this.db.tx(tenantId, async (tx) => {
      if (jobs.length > 0) await this.upsert(tx, installation);
      const names = jobs.map((job) => job.name);
      await tx.query(dropOthersSql, [tenantId, installationId, revision, names]);
    });
  }

  async drop(tenantId: string, installationId: string): Promise<void> {
    await this.db.tx(tenantId, (tx) => tx.query(dropSql, [tenantId, installationId]));
  }

  /** Which installations have rows, and of which revision. */
  async known(): Promise<{ installationId: string; tenantId: string; revision: number }[]> {
    return this.db.system((tx) => tx.query(knownSql));
  }

  async jobs(tenantId: string, installationId: string): Promise<Map<string, JobRow>> {
    const rows = await this.db.tx(tenantId, (tx) => tx.query<JobRow[]>(jobsSql, [tenantId, installationId]));
    return new Map(rows.map((row) => [row.job, row]));
  }

  /** Pauses or resumes a job; what it missed while paused is not caught up. */
  async pause(installation: InstallationStateData, job: ManifestJob, paused: boolean): Promise<void> {
    const { tenantId, installationId } = installation;
    const nextAt = this.nextAt(installation, job);
    await this.db.tx(tenantId, (tx) =>
      tx.query(pauseSql, [tenantId, installationId, job.name, paused, nextAt]),
    );
  }

  /** When the job is due next, from now on. */
  nextAt(installation: InstallationStateData, job: ManifestJob): Date | null {
    const next = nextDue(rule(installation, job), this.clock.now());
    return next === undefined ? null : new Date(next);
  }

  private async upsert(tx: Tx, installation: InstallationStateData): Promise<void> {
    const { tenantId, installationId, jobs, revision, status } = installation;
    const rules = jobs.map((job) => rule(installation, job));
    await tx.query(upsertSql, [
      tenantId,
      installationId,
      status === 'active',
      revision,
      rules.map(({ id }) => id),
      jobs.map((job) => job.name),
      rules.map(({ cron }) => cron),
      rules.map(({ timezone }) => timezone),
      jobs.map((job) => job.function),
      jobs.map((job) => (job.input === undefined ? null : JSON.stringify(job.input))),
      jobs.map((job) => job.catchUp ?? 'once'),
      jobs.map((job) => job.overlap ?? 'skip'),
      rules.map(({ jitterS }) => jitterS),
      jobs.map((job) => this.nextAt(installation, job)),
      jobs.map((job) => job.enabled === false),
    ]);
  }
}
