import type { InstallationStateData, Manifest, RequestedLimits } from '@mortise/contracts';
import type { Tx } from '@mortise/database';
import { IsNull } from 'typeorm';
import { Grant } from '../grants/grant.entity.js';
import { Plugin } from '../plugins/plugin.entity.js';
import { Version } from '../versions/version.entity.js';
import type { Installation } from './installation.entity.js';

type Functions = InstallationStateData['functions'];

/** `resource:action` of everything a manifest asks for. */
export const requestedPermissions = (manifest: Manifest): string[] => [
  ...new Set(
    (manifest.permissions ?? []).flatMap(({ resource, actions }) =>
      actions.map((action) => `${resource}:${action}`),
    ),
  ),
];

/** Selectors by `resource:action`; a permission that is also asked for without one is not restricted. */
export function requestedSelectors(manifest: Manifest): Record<string, Record<string, unknown>[]> {
  const found = new Map<string, Record<string, unknown>[]>();
  const unrestricted = new Set<string>();
  for (const { resource, actions, selector } of manifest.permissions ?? []) {
    for (const action of actions) {
      const name = `${resource}:${action}`;
      if (selector) found.set(name, [...(found.get(name) ?? []), selector]);
      else unrestricted.add(name);
    }
  }
  return Object.fromEntries([...found].filter(([name]) => !unrestricted.has(name)));
}

/** What the admin has set for the installation counts for its functions, whatever limits of their own they have. */
function withoutLimits(functions: Functions, set: RequestedLimits): Functions {
  if (Object.keys(set).length === 0) return functions;
  return Object.fromEntries(
    Object.entries(functions).map(([name, fn]) => {
      const left = Object.entries(fn.limits ?? {}).filter(([limit]) => !Object.hasOwn(set, limit));
      return [name, { ...fn, ...(fn.limits && { limits: Object.fromEntries(left) }) }];
    }),
  );
}

/** The record of the state topic: everything the other services need of one installation. */
export function stateRecord(
  installation: Installation,
  plugin: Plugin,
  version: Version,
  grants: readonly Grant[],
): InstallationStateData {
  const { manifest } = version;
  return {
    installationId: installation.id,
    tenantId: installation.tenantId,
    pluginId: plugin.id,
    versionId: version.id,
    publisher: plugin.publisher,
    slug: plugin.slug,
    version: version.version,
    digest: version.digest,
    status: installation.status,
    revision: installation.revision,
    configRevision: installation.configRevision,
    secretsRevision: installation.secretsRevision,
    config: installation.config,
    grants: grants.map(({ permission, selector, expiresAt }) => ({
      permission,
      ...(selector ? { selector } : {}),
      ...(expiresAt ? { expiresAt: expiresAt.toISOString() } : {}),
    })),
    requested: requestedPermissions(manifest),
    selectors: requestedSelectors(manifest),
    secretKeys: (manifest.secrets ?? []).map(({ key }) => key),
    ...(manifest.network && {
      network: { allow: manifest.network.allow, configured: manifest.network.configured ?? [] },
    }),
    limits: { ...manifest.limits, ...installation.limits },
    main: manifest.main,
    functions: withoutLimits(manifest.functions ?? {}, installation.limits),
    ...(manifest.default === undefined ? {} : { defaultFunction: manifest.default }),
    events: manifest.events ?? [],
    jobs: manifest.jobs ?? [],
    isolation: manifest.isolation,
  };
}

export async function stateOf(tx: Tx, installation: Installation): Promise<InstallationStateData> {
  const { tenantId } = installation;
  const plugin = await tx.findOneByOrFail(Plugin, { tenantId, id: installation.pluginId });
  const version = await tx.findOneByOrFail(Version, { tenantId, id: installation.versionId });
  const grants = await tx.findBy(Grant, { tenantId, installationId: installation.id, revokedAt: IsNull() });
  return stateRecord(installation, plugin, version, grants);
}
