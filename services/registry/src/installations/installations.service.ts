import type { InstallationStatus } from '@mortise/contracts';
import { Injectable } from '@nestjs/common';
import {
  type InstallationDto,
  type InstallationListQuery,
  type Page,
  type Principal,
  type RequestedLimits,
} from '@mortise/contracts';
import { Database, placeOf, toPage, type Tx } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { IsNull, Not } from 'typeorm';
import { Grant } from '../grants/grant.entity.js';
import { openQuarantines } from '../quarantine/open-quarantines.js';
import { Version } from '../versions/version.entity.js';
import type { ReadRevisions } from './answer.js';
import { checkedConfig } from './config.js';
import { InstallationChanges } from './installation-changes.js';
import type { InstallationAction } from './installation-state.js';
import { Installation } from './installation.entity.js';
import { missingParts } from './readiness.js';
import { viewOf, viewsOf } from './view.js';

/** The life of an installation after it was installed. */
@Injectable()
export class InstallationsService {
  constructor(
    private readonly db: Database,
    private readonly changes: InstallationChanges,
  ) {}

  view = (installation: Installation): Promise<InstallationDto> =>
    this.db.tx(installation.tenantId, (tx) => viewOf(tx, installation));

  async list(tenantId: string, query: InstallationListQuery): Promise<Page<InstallationDto>> {
    const place = placeOf(query);
    return this.db.tx(tenantId, async (tx) => {
      const rows = await tx.find(Installation, {
        where: {
          tenantId,
          status: query.status ?? Not<InstallationStatus>('uninstalled'),
          ...(place.id ? { id: place.id } : {}),
        },
        order: { id: place.order },
        take: place.limit + 1,
      });
      const views = new Map((await viewsOf(tx, tenantId, rows)).map((view) => [view.id, view]));
      return toPage(place, rows, ({ id }) => views.get(id) as InstallationDto);
    });
  }

  /** @throws AppError NOT_READY_TO_ACTIVATE, QUARANTINED, TRANSITION_NOT_ALLOWED */
  async activate(caller: Principal, id: string): Promise<Installation> {
    return this.changes.apply(caller.tenantId, id, 'activate', caller.subject, async (tx, installation) => {
      const missing = await this.missing(tx, installation);
      if (missing.length > 0) throw new AppError('NOT_READY_TO_ACTIVATE', { missing: missing.join(', ') });
      const reason = (await openQuarantines(tx, [installation.versionId])).get(installation.versionId);
      if (reason !== undefined) throw new AppError('QUARANTINED', { reason });
    });
  }

  change(
    caller: Principal,
    id: string,
    action: Exclude<InstallationAction, 'activate' | 'configure' | 'uninstall' | 'suspend'>,
  ): Promise<Installation> {
    return this.changes.apply(caller.tenantId, id, action, caller.subject);
  }

  /**
   * @param read revisions of the config the caller has read
   * @throws AppError PRECONDITION_FAILED, CONFIG_INVALID, BODY_TOO_LARGE
   */
  async configure(
    caller: Principal,
    id: string,
    read: ReadRevisions,
    next: (config: Record<string, unknown>) => unknown,
    limits?: RequestedLimits,
  ): Promise<Installation> {
    return this.changes.apply(caller.tenantId, id, 'configure', caller.subject, async (tx, installation) => {
      if (read && !read.has(installation.configRevision)) {
        throw new AppError('PRECONDITION_FAILED', { revision: installation.configRevision });
      }
      const version = await tx.findOneByOrFail(Version, {
        tenantId: caller.tenantId,
        id: installation.versionId,
      });
      installation.config = checkedConfig(version.manifest.config, next(installation.config));
      // What was left out is there as undefined: it is not the admin's word.
      if (limits)
        installation.limits = Object.fromEntries(
          Object.entries(limits).filter(([, value]) => typeof value === 'number'),
        );
      installation.configRevision += 1;
    });
  }

  uninstall(caller: Principal, id: string, keepData: boolean): Promise<Installation> {
    return this.changes.apply(caller.tenantId, id, 'uninstall', caller.subject, async (tx, installation) => {
      installation.keepData = keepData;
      // Secrets are credentials of other systems: they go at once, whatever else is kept.
      await tx.query('delete from secrets where tenant_id = $1 and installation_id = $2', [
        caller.tenantId,
        id,
      ]);
    });
  }

  private async missing(tx: Tx, installation: Installation): Promise<string[]> {
    const { tenantId, id } = installation;
    const version = await tx.findOneByOrFail(Version, { tenantId, id: installation.versionId });
    const grants = await tx.findBy(Grant, { tenantId, installationId: id, revokedAt: IsNull() });
    const secrets = await tx.query<{ key: string }[]>(
      'select key from secrets where tenant_id = $1 and installation_id = $2',
      [tenantId, id],
    );
    return missingParts(
      installation,
      version,
      grants,
      secrets.map(({ key }) => key),
      new Date(),
    );
  }
}
