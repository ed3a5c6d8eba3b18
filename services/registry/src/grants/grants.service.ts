import { Injectable } from '@nestjs/common';
import { GrantRevoked, type GrantDto, type GrantRequest, type Principal } from '@mortise/contracts';
import { Database, Outbox, type Tx } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { IsNull } from 'typeorm';
import { InstallationChanges } from '../installations/installation-changes.js';
import type { Installation } from '../installations/installation.entity.js';
import { toGrantDto } from '../installations/view.js';
import { Version } from '../versions/version.entity.js';
import { consentTo } from './consent.js';
import { giveGrant, grantEvent } from './give.js';
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
        const now = new Date();
        const consent = consentTo(manifest.permissions, request, now);
        await this.makeRoom(tx, tenantId, installationId, consent.permission, now);
        granted = await giveGrant(tx, this.outbox, tenantId, installationId, consent, subject);
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
      await this.outbox.add(tx, GrantRevoked, grantEvent(grant, subject), { tenantId });
    });
  }

  /** One grant stands for a permission: one that has run out makes way, any other must be revoked first. */
  private async makeRoom(
    tx: Tx,
    tenantId: string,
    installationId: string,
    permission: string,
    now: Date,
  ): Promise<void> {
    const known = await tx.findOneBy(Grant, { tenantId, installationId, permission, revokedAt: IsNull() });
    if (!known) return;
    if (!known.expiresAt || known.expiresAt > now)
      throw new AppError('CONFLICT', {
        reason: `${permission} is granted already: revoke it first to change it`,
      });
    known.revokedAt = known.expiresAt;
    await tx.save(known);
  }
}
