import { rightsOf, type Principal, type Right, type Role } from '@mortise/contracts';

/** What an API key stands for, ready for the hot path: made once per look-up, never per request. */
export interface Credential {
  keyId: string;
  /** SHA-256 of the key, hex. */
  hash: string;
  tenantId: string;
  tenantSlug: string;
  roles: Role[];
  rights: ReadonlySet<Right>;
  /** `key:<prefix>` */
  subject: string;
  /** Milliseconds since 1970; Infinity for keys without an end. */
  expiresAt: number;
}

/** A row of the key look-up. */
export interface CredentialRow {
  id: string;
  hash: Buffer;
  tenant_id: string;
  slug: string;
  roles: Role[];
  prefix: string;
  expires_at: Date | null;
}

export const toCredential = (row: CredentialRow): Credential => ({
  keyId: row.id,
  hash: row.hash.toString('hex'),
  tenantId: row.tenant_id,
  tenantSlug: row.slug,
  roles: row.roles,
  rights: rightsOf(row.roles),
  subject: `key:${row.prefix}`,
  expiresAt: row.expires_at?.getTime() ?? Infinity,
});

/** The caller as the owners of routes see it. */
export const principalOf = (credential: Credential, requestId: string): Principal => ({
  tenantId: credential.tenantId,
  tenantSlug: credential.tenantSlug,
  roles: credential.roles,
  subject: credential.subject,
  requestId,
});
