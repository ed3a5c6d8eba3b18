import type { InstallationStateData } from '@mortise/contracts';
import type { Logger } from '@mortise/service-kit';
import type { States } from '@mortise/bus';
import type { Schedules } from './schedules.service.js';

const retryMs = 1_000;

/** Keeps the rows of schedules in line with the installations, at boot and from then on. */
export class ScheduleFollower {
  private readonly changed = new Map<string, { now: InstallationStateData | undefined; tenantId: string }>();
  private unsubscribe: () => void = () => {};
  private working: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly schedules: Schedules,
    private readonly states: Pick<States, 'installations'>,
    private readonly logger: Logger,
  ) {}

  /** Call before the bus starts: changes are collected from the first one on. */
  subscribe(): void {
    this.unsubscribe = this.states.installations.onChange((id, now, before) => {
      const tenantId = now?.tenantId ?? before?.tenantId;
      // Without jobs, now or before, there is nothing to keep in line.
      if (tenantId && (now?.jobs.length || before?.jobs.length)) this.add(id, now, tenantId);
    });
  }

  /** After a restart: rows whose installation is gone, and states that came while nobody was there. */
  async reconcile(): Promise<void> {
    const { installations } = this.states;
    await installations.caughtUp;
    const known = new Map((await this.schedules.known()).map((row) => [row.installationId, row]));
    for (const [installationId, { tenantId }] of known)
      if (!installations.get(installationId)) this.add(installationId, undefined, tenantId);
    for (const state of installations.values()) {
      if (state.jobs.length > 0 && (known.get(state.installationId)?.revision ?? 0) < state.revision)
        this.add(state.installationId, state, state.tenantId);
    }
    await this.settled();
  }

  /** Resolves when every change known so far is in the database, or has failed once. */
  async settled(): Promise<void> {
    await this.working;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.unsubscribe();
    clearTimeout(this.timer);
    await this.working;
  }

  private add(id: string, now: InstallationStateData | undefined, tenantId: string): void {
    this.changed.set(id, { now, tenantId });
    this.work();
  }

  private work(): void {
    if (this.closed) return;
    this.working ??= this.drain().finally(() => (this.working = undefined));
  }

  private async drain(): Promise<void> {
    await Promise.resolve();
    for (const [id, change] of this.changed) {
      this.changed.delete(id);
      try {
        if (change.now) await this.schedules.sync(change.now);
        else await this.schedules.drop(change.tenantId, id);
      } catch (error) {
        this.logger.warn({ err: error, installationId: id }, 'schedules not brought in line: trying again');
        if (!this.changed.has(id)) this.changed.set(id, change);
        this.timer = setTimeout(() => this.work(), retryMs);
        return;
      }
    }
  }
}
