import { GrantGranted, type GrantData } from '@mortise/contracts';
import type { Outbox, Tx } from '@mortise/database';
import { newId } from '@mortise/service-kit';
import type { Consent } from './consent.js';
import { Grant } from './grant.entity.js';

/** Writes down what was agreed to and tells of it, in the transaction of the change. */
export async function giveGrant(
  tx: Tx,
  outbox: Outbox,
  tenantId: string,
  installationId: string,
  consent: Consent,
  grantedBy: string,
): Promise<Grant> {
  const grant = tx.create(Grant, {
    id: newId(),
    tenantId,
    installationId,
    ...consent,
    grantedBy,
    createdAt: new Date(),
    revokedAt: null,
  });
  await tx.save(grant);
  await outbox.add(tx, GrantGranted, grantEvent(grant, grantedBy), { tenantId });
  return grant;
}

/** What events tell of a grant. */
export const grantEvent = (grant: Grant, actor: string): GrantData => ({
  installationId: grant.installationId,
  tenantId: grant.tenantId,
  grantId: grant.id,
  permission: grant.permission,
  ...(grant.expiresAt ? { expiresAt: grant.expiresAt.toISOString() } : {}),
  actor,
  at: (grant.revokedAt ?? grant.createdAt).toISOString(),
});
