import type { InstallationStatus } from '@mortise/contracts';
import { Injectable } from '@nestjs/common';
import {
  InstallationActivated,
  InstallationConfigured,
  InstallationDeactivated,
  InstallationState,
  InstallationSuspended,
  InstallationUninstalled,
  type EventDefinition,
  type InstallationData,
} from '@mortise/contracts';
import { Database, Outbox, type Tx } from '@mortise/database';
import { AppError, systemClock } from '@mortise/service-kit';
import { Not } from 'typeorm';
import { isId } from '../ids.js';
import { Version } from '../versions/version.entity.js';
import { nextStatus, type InstallationAction } from './installation-state.js';
import { Installation } from './installation.entity.js';
import { stateOf } from './state-record.js';

/** The lifecycle event an action is told by; the others are told by the state record alone. */
const events: Partial<Record<InstallationAction, EventDefinition<InstallationData>>> = {
  activate: InstallationActivated,
  deactivate: InstallationDeactivated,
  configure: InstallationConfigured,
  uninstall: InstallationUninstalled,
  suspend: InstallationSuspended,
};

/** Why the platform stopped an installation. */
export type Suspension = Required<Pick<InstallationData, 'reason' | 'kills'>>;

/** The one way an installation changes: one transaction that checks, changes, counts and tells. */
@Injectable()
export class InstallationChanges {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
  ) {}

  /**
   * @param change may alter the entity; throws to refuse
   * @throws AppError INSTALLATION_NOT_FOUND, TRANSITION_NOT_ALLOWED
   */
  async apply(
    tenantId: string,
    id: string,
    action: InstallationAction,
    actor: string,
    change: (tx: Tx, installation: Installation) => Promise<void> = async () => {},
    suspension?: Suspension,
  ): Promise<Installation> {
    if (!isId(id)) throw new AppError('INSTALLATION_NOT_FOUND', { installation: id });
    return this.db.tx(tenantId, async (tx) => {
      const installation = await tx.findOne(Installation, {
        where: { tenantId, id, status: Not<InstallationStatus>('uninstalled') },
        lock: { mode: 'pessimistic_write' },
      });
      if (!installation) throw new AppError('INSTALLATION_NOT_FOUND', { installation: id });
      const status = nextStatus(installation.status, action);
      await change(tx, installation);
      installation.status = status;
      if (status !== 'suspended') installation.suspendedReason = null;
      installation.revision += 1;
      installation.updatedAt = new Date(systemClock.now());
      await tx.save(installation);
      await this.tell(tx, installation, actor, events[action], suspension);
      return installation;
    });
  }

  /** By the platform, not by the tenant. @throws AppError as `apply` */
  suspend(tenantId: string, id: string, actor: string, suspension: Suspension): Promise<Installation> {
    const change = async (_tx: Tx, installation: Installation) => {
      installation.suspendedReason = suspension.reason;
    };
    return this.apply(tenantId, id, 'suspend', actor, change, suspension);
  }

  /** The whole state, and the lifecycle event if there is one, in the transaction of the change. */
  async tell(
    tx: Tx,
    installation: Installation,
    actor: string,
    event?: EventDefinition<InstallationData>,
    suspension?: Suspension,
  ): Promise<void> {
    const { tenantId } = installation;
    const meta = { tenantId, sequence: installation.revision };
    await this.outbox.add(tx, InstallationState, await stateOf(tx, installation), meta);
    if (!event) return;
    const version = await tx.findOneByOrFail(Version, { tenantId, id: installation.versionId });
    const data: InstallationData = {
      installationId: installation.id,
      tenantId,
      pluginId: installation.pluginId,
      versionId: version.id,
      version: version.version,
      status: installation.status,
      revision: installation.revision,
      actor,
      at: installation.updatedAt.toISOString(),
      ...suspension,
    };
    await this.outbox.add(
      tx,
      event,
      event === InstallationUninstalled ? { ...data, keepData: installation.keepData } : data,
      meta,
    );
  }
}
