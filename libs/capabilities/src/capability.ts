import { needsGrant, type GrantState, type InstallationStateData } from '@mortise/contracts';
import { CapabilityError, type CapabilityStores, type ExecutionScope } from './types.js';

/** What a capability's run gets besides its arguments. */
export interface Call {
  scope: ExecutionScope;
  stores: CapabilityStores;
  nowMs: number;
}

/** One call of `ctx`: its name on the wire, the permission it needs, and what it does. */
export interface Capability {
  /** `storage.get`: what the plugin's side sends as op. */
  name: string;
  /** `resource:action` of the catalogue. */
  permission: string;
  /** @returns a JSON value */
  run: (args: Record<string, unknown>, call: Call) => Promise<unknown>;
}

export const capability = (definition: Capability): Capability => Object.freeze(definition);

/**
 * May this installation use the permission now?
 * @throws CapabilityError a violation when the manifest never asked for it, a denial when it is not granted (any more)
 */
export function authorise(scope: ExecutionScope, permission: string, nowMs: number): void {
  if (!needsGrant(permission)) return;
  const { installation } = scope;
  if (!installation.requested.includes(permission)) throw violation(scope, permission);
  if (grantsOf(installation, permission, nowMs).length === 0) throw denied(scope, permission);
}

/**
 * May this installation use the permission for this one thing? The manifest's selectors and the grant's both have to
 * allow it; either may leave the selector out.
 * @param what the thing, for the message: `{ plugin: 'acme/orders' }`
 * @throws CapabilityError a violation for what the manifest never asked for, a denial for what is not granted
 */
export function authoriseSelected(
  { scope, nowMs }: Call,
  permission: string,
  what: Record<string, string>,
  allows: (selector: Record<string, unknown>) => boolean,
): void {
  const { installation } = scope;
  const asked = installation.selectors?.[permission];
  if (asked && !asked.some(allows)) throw violation(scope, permission, what);
  const granted = grantsOf(installation, permission, nowMs);
  if (!granted.some(({ selector }) => !selector || allows(selector))) throw denied(scope, permission, what);
}

function violation(scope: ExecutionScope, permission: string, what: Record<string, string> = {}) {
  scope.onDenied('security_violation', permission);
  return new CapabilityError(
    'SECURITY_VIOLATION',
    `The plugin used ${named(permission, what)}, which its manifest never asked for`,
    { permission, ...what },
    'security_violation',
  );
}

function denied(scope: ExecutionScope, permission: string, what: Record<string, string> = {}) {
  scope.onDenied('permission_denied', permission);
  return new CapabilityError(
    'PERMISSION_DENIED',
    `The permission ${named(permission, what)} is not granted`,
    { permission, ...what },
  );
}

const named = (permission: string, what: Record<string, string>): string =>
  [permission, ...Object.values(what)].join(' ');

const grantsOf = (installation: InstallationStateData, permission: string, nowMs: number): GrantState[] =>
  installation.grants.filter(
    (grant) =>
      grant.permission === permission &&
      (grant.expiresAt === undefined || Date.parse(grant.expiresAt) > nowMs),
  );

/** An argument that has to be a string of 1 to `most` characters. */
export function textArgument(args: Record<string, unknown>, name: string, most: number): string {
  const value = args[name];
  if (typeof value === 'string' && value.length > 0 && value.length <= most) return value;
  throw new CapabilityError('INVALID_REQUEST', `${name} has to be a text of 1 to ${most} characters`, {
    argument: name,
  });
}

/** An argument that may be left out, else has to be a whole number within bounds. */
export function numberArgument(
  args: Record<string, unknown>,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = args[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CapabilityError('INVALID_REQUEST', `${name} has to be a whole number from ${least} to ${most}`, {
    argument: name,
  });
}

export function limitError(
  scope: ExecutionScope,
  limit: string,
  value: number,
  used: number,
): CapabilityError {
  scope.onLimit(limit, value, used);
  const details = { limit, value, used };
  return new CapabilityError(
    'LIMIT_EXCEEDED',
    `The execution went over its limit ${limit} of ${value}`,
    details,
  );
}
