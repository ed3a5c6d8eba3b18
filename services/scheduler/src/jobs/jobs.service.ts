import type { AcceptedDto, InstallationStateData, JobDto, ManifestJob } from '@mortise/contracts';
import type { Database, Outbox } from '@mortise/database';
import { AppError, newId, type Clock } from '@mortise/service-kit';
import type { States } from '@mortise/bus';
import { isRunnable } from '../state/runnable.js';
import { tickRecords } from '../schedules/schedule-loop.js';
import { scheduleId, type Schedules } from '../schedules/schedules.service.js';
import { addFiresSql } from '../schedules/schedules.sql.js';

/** How long a request waits for an installation this replica has not heard of yet. */
const catchUpMs = 500;

export interface JobsParts {
  db: Database;
  outbox: Outbox;
  states: States;
  schedules: Schedules;
  clock: Clock;
}

/** Jobs as people see them: what the manifest says, with what the schedules know. */
export class Jobs {
  constructor(private readonly parts: JobsParts) {}

  async list(tenantId: string, installationId: string): Promise<JobDto[]> {
    const installation = await this.installation(tenantId, installationId);
    const rows = await this.parts.schedules.jobs(tenantId, installationId);
    return installation.jobs.map((job) => {
      const row = rows.get(job.name);
      const enabled = row ? !row.paused : job.enabled !== false;
      // A row that is not there yet says what it will say in a moment.
      const nextAt = row ? row.nextAt : this.parts.schedules.nextAt(installation, job);
      return {
        name: job.name,
        function: job.function,
        schedule: job.schedule,
        timezone: job.timezone ?? 'UTC',
        enabled,
        nextAt: enabled && installation.status === 'active' ? (nextAt?.toISOString() ?? null) : null,
        lastAt: row?.lastAt?.toISOString() ?? null,
      };
    });
  }

  /** @throws AppError INSTALLATION_NOT_FOUND, JOB_NOT_FOUND, NOT_ACTIVE, QUARANTINED */
  async runNow(tenantId: string, installationId: string, name: string): Promise<AcceptedDto> {
    const { db, outbox, clock } = this.parts;
    const installation = await this.active(await this.installation(tenantId, installationId));
    const job = jobOf(installation, name);
    const id = scheduleId(installationId, name);
    const executionId = newId(clock);
    await db.tx(tenantId, async (tx) => {
      // Unique by (schedule, due time), as every tick is: two calls in one millisecond are two ticks.
      for (let dueMs = clock.now(); ; dueMs++) {
        const added = await tx.query<unknown[]>(addFiresSql, [
          [tenantId],
          [id],
          [new Date(dueMs)],
          [executionId],
        ]);
        if (added.length === 0) continue;
        const row = {
          tenantId,
          installationId,
          job: name,
          function: job.function,
          input: job.input ?? null,
          dueMs,
        };
        await outbox.addRecords(tx, tickRecords(row, executionId));
        return;
      }
    });
    return { executionId, status: 'queued' };
  }

  /** @throws AppError INSTALLATION_NOT_FOUND, JOB_NOT_FOUND */
  async setEnabled(
    tenantId: string,
    installationId: string,
    name: string,
    enabled: boolean,
  ): Promise<JobDto> {
    const installation = await this.installation(tenantId, installationId);
    const job = jobOf(installation, name);
    await this.parts.schedules.sync(installation);
    await this.parts.schedules.pause(installation, job, !enabled);
    const changed = (await this.list(tenantId, installationId)).find((dto) => dto.name === name);
    if (!changed) throw new AppError('JOB_NOT_FOUND', { job: name });
    return changed;
  }

  /**
   * The tenant's installation of a plugin named by id, publisher/slug or slug.
   * @throws AppError PLUGIN_NOT_FOUND, PLUGIN_AMBIGUOUS
   */
  installationOf(tenantId: string, plugin: string): string {
    const wanted = plugin.toLowerCase();
    const found = [...this.parts.states.installations.values()].filter(
      (state) =>
        state.tenantId === tenantId &&
        state.status !== 'uninstalled' &&
        [state.pluginId, `${state.publisher}/${state.slug}`, state.slug].includes(wanted),
    );
    const [only] = found;
    if (!only) throw new AppError('PLUGIN_NOT_FOUND', { plugin });
    if (found.length > 1) throw new AppError('PLUGIN_AMBIGUOUS', { plugin });
    return only.installationId;
  }

  private async installation(tenantId: string, id: string): Promise<InstallationStateData> {
    const { installations } = this.parts.states;
    if (!installations.get(id)) await installations.waitFor(id, 1, catchUpMs);
    const found = installations.get(id);
    if (!found || found.tenantId !== tenantId || found.status === 'uninstalled')
      throw new AppError('INSTALLATION_NOT_FOUND', { installation: id });
    return found;
  }

  /** Activated a moment ago elsewhere, perhaps: this replica gets the time to hear of it. */
  private async active(installation: InstallationStateData): Promise<InstallationStateData> {
    const { installations, plugins } = this.parts.states;
    const { installationId, revision } = installation;
    if (installation.status !== 'active')
      await installations.waitFor(installationId, revision + 1, catchUpMs);
    const now = installations.get(installationId) ?? installation;
    if (now.status !== 'active') throw new AppError('NOT_ACTIVE', { status: now.status });
    if (!isRunnable(plugins, now)) {
      const reason = plugins
        .get(now.pluginId)
        ?.quarantined.find(({ digest }) => digest === now.digest)?.reason;
      throw new AppError('QUARANTINED', { reason: reason ?? '' });
    }
    return now;
  }
}

function jobOf(installation: InstallationStateData, name: string): ManifestJob {
  const job = installation.jobs.find((candidate) => candidate.name === name);
  if (!job) throw new AppError('JOB_NOT_FOUND', { job: name });
  return job;
}
