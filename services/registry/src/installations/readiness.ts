import { needsGrant, type ManifestPermission } from '@mortise/contracts';
import { validateConfig } from '@mortise/bundle';
import type { Grant } from '../grants/grant.entity.js';
import type { Version } from '../versions/version.entity.js';
import type { Installation } from './installation.entity.js';

const names = ({ resource, actions }: ManifestPermission) => actions.map((action) => `${resource}:${action}`);

/** Permissions the manifest cannot do without and that need the admin's consent. */
export const requiredGrants = (permissions: readonly ManifestPermission[] = []): string[] => [
  ...new Set(
    permissions
      .filter(({ optional }) => !optional)
      .flatMap(names)
      .filter(needsGrant),
  ),
];

/** Everything the manifest asks for that an admin may consent to. */
export const grantable = (permissions: readonly ManifestPermission[] = []): string[] => [
  ...new Set(permissions.flatMap(names).filter(needsGrant)),
];

/** The required ones that nothing grants at the given time. */
const missingGrants = (version: Version, grants: readonly Grant[], now: Date): string[] => {
  const granted = new Set(
    grants.filter(({ expiresAt }) => !expiresAt || expiresAt > now).map(({ permission }) => permission),
  );
  return requiredGrants(version.manifest.permissions).filter((permission) => !granted.has(permission));
};

/** What keeps an installation from running: `config`, `secret:KEY`, `grant:resource:action`. */
export function missingParts(
  installation: Installation,
  version: Version,
  grants: readonly Grant[],
  secretsSet: readonly string[],
  now: Date,
): string[] {
  const { config, secrets } = version.manifest;
  const fits = validateConfig(config, installation.config).ok;
  return [
    ...(fits ? [] : ['config']),
    ...(secrets ?? [])
      .filter(({ key, required }) => required && !secretsSet.includes(key))
      .map(({ key }) => `secret:${key}`),
    ...missingGrants(version, grants, now).map((permission) => `grant:${permission}`),
  ];
}
