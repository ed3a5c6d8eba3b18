import type { FieldError, GrantRequest, ManifestPermission } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import { instantOf } from '../instant.js';
import { unstorablePlace } from '../projections/json-text.js';
import { grantable, requiredGrants } from '../installations/readiness.js';

/** One permission that an admin agrees to. */
export interface Consent {
  permission: string;
  selector: Record<string, unknown> | null;
  expiresAt: Date | null;
}

/**
 * What an admin agrees to by a request.
 * @param pointer where the request stands in the body
 * @throws AppError INVALID_REQUEST for what the manifest does not ask for, and for times that are over
 */
export function consentTo(
  permissions: readonly ManifestPermission[] | undefined,
  { permission, selector, expiresAt }: GrantRequest,
  now: Date,
  pointer = '',
): Consent {
  if (!grantable(permissions).includes(permission)) {
    const message = `the manifest does not ask for ${permission}, or it needs no grant`;
    throw refused({ pointer: `${pointer}/permission`, message, rule: 'requested' });
  }
  const place = unstorablePlace(selector);
  if (place !== undefined) {
    const message = 'text may not hold U+0000 or half a surrogate pair';
    throw refused({ pointer: `${pointer}/selector${place}`, message, rule: 'text' });
  }
  const end = expiresAt === undefined ? null : instantOf(expiresAt, `${pointer}/expiresAt`);
  if (end && end <= now)
    throw refused({ pointer: `${pointer}/expiresAt`, message: 'this time is over', rule: 'future' });
  return { permission, selector: selector ?? null, expiresAt: end };
}

/**
 * What an admin agrees to by the `grants` of an install.
 * @param asked 'all' means what the plugin cannot do without: what is optional is agreed to by name
 * @throws AppError INVALID_REQUEST, also for a permission that is named twice
 */
export function consentsOf(
  permissions: readonly ManifestPermission[] | undefined,
  asked: readonly GrantRequest[] | 'all' | undefined,
  now: Date,
): Consent[] {
  if (asked === 'all')
    return requiredGrants(permissions).map((permission) => ({ permission, selector: null, expiresAt: null }));
  const seen = new Set<string>();
  return (asked ?? []).map((request, index) => {
    const pointer = `/grants/${index}`;
    const consent = consentTo(permissions, request, now, pointer);
    if (seen.has(consent.permission)) {
      const message = `${consent.permission} is named twice`;
      throw refused({ pointer: `${pointer}/permission`, message, rule: 'unique' });
    }
    seen.add(consent.permission);
    return consent;
  });
}

const refused = (error: FieldError) => new AppError('INVALID_REQUEST', {}, { errors: [error] });
