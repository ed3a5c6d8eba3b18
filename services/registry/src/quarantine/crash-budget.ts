import type { KillEvidence, SecurityViolationData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import type { InstallationChanges } from '../installations/installation-changes.js';
import { keepKill, spend, tenantsStopped, unspentKills, type Killed } from './crash-budget.queries.js';
import { versionsOf } from './quarantine.queries.js';
import type { QuarantineService } from './quarantine.service.js';

export interface Budget {
  /** As many killed workers as this stop an installation. */
  kills: number;
  /** Within so many minutes. */
  minutes: number;
  /** Stopped in so many tenants within a day, a package is stopped in all. */
  tenants: number;
}

const dayMinutes = 24 * 60;
/** Who did it, in events and records. */
const actor = 'platform:crash-budget';

export interface CrashBudgetParts {
  db: Database;
  changes: InstallationChanges;
  quarantines: QuarantineService;
  budget: Budget;
}

/** Stops what has workers killed too often: an installation, and the package once that happened in several tenants. */
export class CrashBudget {
  constructor(private readonly parts: CrashBudgetParts) {}

  async note(violation: SecurityViolationData): Promise<void> {
    if (!isKill(violation)) return;
    const { db, budget } = this.parts;
    const evidence = await db.system(async (tx) => {
      await keepKill(tx, violation);
      return unspentKills(tx, violation, budget.minutes);
    });
    if (evidence.length < budget.kills) return;
    await this.suspend(violation, evidence);
    const versionIds = await db.system(async (tx) => {
      await spend(tx, violation);
      const stopped = await tenantsStopped(tx, violation, dayMinutes);
      return stopped >= budget.tenants ? versionsOf(tx, violation.digest) : [];
    });
    for (const versionId of versionIds) await this.quarantine(versionId, evidence);
  }

  private async suspend({ tenantId, installationId }: Killed, evidence: KillEvidence[]): Promise<void> {
    const reason = reasonOf(evidence);
    try {
      await this.parts.changes.suspend(tenantId, installationId, actor, {
        reason,
        kills: evidence.slice(0, 20),
      });
    } catch (error) {
      // It was stopped or taken away meanwhile: nothing of it runs.
      if (error instanceof AppError && stoppedAlready.has(error.code)) return;
      throw error;
    }
  }

  private async quarantine(versionId: string, evidence: KillEvidence[]): Promise<void> {
    const reason = `Stopped in ${this.parts.budget.tenants} tenants: ${reasonOf(evidence)}`;
    await this.parts.quarantines.stop(versionId, reason, actor);
  }
}

const stoppedAlready: ReadonlySet<string> = new Set(['TRANSITION_NOT_ALLOWED', 'INSTALLATION_NOT_FOUND']);

const isKill = (violation: SecurityViolationData): violation is Killed =>
  violation.kill !== undefined && violation.digest !== undefined;

/** `5 workers had to be killed: 3 deadline, 2 memory_cap`. */
export function reasonOf(evidence: readonly KillEvidence[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of evidence) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`);
  return `${evidence.length} workers had to be killed: ${parts.join(', ')}`;
}
