import { Injectable } from '@nestjs/common';
import {
  GrantGranted,
  GrantRevoked,
  type GrantDto,
  type GrantRequest,
  type Principal,
} from '@mortise/contracts';
import { Database, Outbox } from '@mortise/database';
import { AppError, newId } from '@mortise/service-kit';
import { IsNull } from 'typeorm';
import { InstallationChanges } from '../installations/installation-changes.js';
import type { Installation } from '../installations/installation.entity.js';
import { grantable } from '../installations/readiness.js';
import { toGrantDto } from '../installations/view.js';
import { Version } from '../versions/version.entity.js';
import { Grant } from './grant.entity.js';

/** Consent after the installation: given and taken back, in force at the next host call. */
@Injectable()
export class GrantsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly changes: InstallationChanges,
  ) {}

  list(tenantId: string, installationId: string): Promise<GrantDto[]> {
    return this.db.tx(tenantId, async (tx) => {
      const rows = await tx.find(Grant, {
        where: { tenantId, installationId, revokedAt: IsNull() },
        order: { id: 'asc' },
      });
      return rows.map(toGrantDto);
    });
  }

  /** @throws AppError INVALID_REQUEST for a permission the manifest does not ask for, CONFLICT when it is granted */
  async grant(
    caller: Principal,
    installationId: string,
    request: GrantRequest,
  ): Promise<{ grant: GrantDto; installation: Installation }> {
    const { tenantId, subject } = caller;
    let granted: Grant | undefined;
    const installation = await this.changes.apply(
      tenantId,
      installationId,
      'grant',
      subject,
      async (tx, { versionId }) => {
        const { manifest } = await tx.findOneByOrFail(Version, { tenantId, id: versionId });
        if (!grantable(manifest.permissions).includes(request.permission)) {
          const message = `the manifest does not ask for ${request.permission}, or it needs no grant`;
          throw new AppError(
            'INVALID_REQUEST',
            {},
            { errors: [{ pointer: '/permission', message, rule: 'requested' }] },
          );
        }
        if (
          await tx.existsBy(Grant, {
            tenantId,
            installationId,
            permission: request.permission,
            revokedAt: IsNull(),
          })
        ) {
          throw new AppError('CONFLICT', {
            reason: `${request.permission} is granted already: revoke it first to change it`,
          });
        }
        granted = tx.create(Grant, {
          id: newId(),
          tenantId,
          installationId,
          permission: request.permission,
          selector: request.selector ?? null,
          expiresAt: request.expiresAt ? new Date(request.expiresAt) : null,
          grantedBy: subject,
          createdAt: new Date(),
          revokedAt: null,
        });
        await tx.save(granted);
        await this.outbox.add(tx, GrantGranted, eventOf(granted, subject), { tenantId });
      },
    );
    return { grant: toGrantDto(granted as Grant), installation };
  }

  /** @throws AppError NOT_FOUND */
  async revoke(caller: Principal, installationId: string, grantId: string): Promise<Installation> {
    const { tenantId, subject } = caller;
    return this.changes.apply(tenantId, installationId, 'revoke', subject, async (tx) => {
      const grant = await tx.findOneBy(Grant, { tenantId, installationId, id: grantId, revokedAt: IsNull() });
      if (!grant) throw new AppError('NOT_FOUND', { what: `grant ${grantId}` });
      grant.revokedAt = new Date();
      await tx.save(grant);
      await this.outbox.add(tx, GrantRevoked, eventOf(grant, subject), { tenantId });
    });
  }
}

const eventOf = (grant: Grant, actor: string) => ({
  installationId: grant.installationId,
  tenantId: grant.tenantId,
  grantId: grant.id,
  permission: grant.permission,
  ...(grant.expiresAt ? { expiresAt: grant.expiresAt.toISOString() } : {}),
  actor,
  at: (grant.revokedAt ?? grant.createdAt).toISOString(),
});
