import { notRunYet } from '@mortise/bundle';
import type { GrantDto, InstallationDto } from '@mortise/contracts';
import type { Tx } from '@mortise/database';
import { In, IsNull } from 'typeorm';
import { Grant } from '../grants/grant.entity.js';
import { Plugin } from '../plugins/plugin.entity.js';
import { openQuarantines } from '../quarantine/open-quarantines.js';
import { Version } from '../versions/version.entity.js';
import type { Installation } from './installation.entity.js';
import { missingParts } from './readiness.js';

export const toGrantDto = (grant: Grant): GrantDto => ({
  id: grant.id,
  permission: grant.permission,
  selector: grant.selector,
  expiresAt: grant.expiresAt?.toISOString() ?? null,
  grantedBy: grant.grantedBy,
  createdAt: grant.createdAt.toISOString(),
});

const byId = <T extends { id: string }>(rows: readonly T[]) => new Map(rows.map((row) => [row.id, row]));

/** What the API shows of installations; a handful of queries however many there are. */
export async function viewsOf(
  tx: Tx,
  tenantId: string,
  installations: readonly Installation[],
): Promise<InstallationDto[]> {
  if (installations.length === 0) return [];
  const ids = installations.map(({ id }) => id);
  const plugins = byId(
    await tx.findBy(Plugin, { tenantId, id: In(installations.map(({ pluginId }) => pluginId)) }),
  );
  const versions = byId(
    await tx.findBy(Version, { tenantId, id: In(installations.map(({ versionId }) => versionId)) }),
  );
  const grants = await tx.findBy(Grant, { tenantId, installationId: In(ids), revokedAt: IsNull() });
  const secrets = await tx.query<{ installation_id: string; key: string }[]>(
    'select installation_id, key from secrets where tenant_id = $1 and installation_id = any($2)',
    [tenantId, ids],
  );
  const quarantines = await openQuarantines(tx, [...versions.keys()]);
  return installations.flatMap((installation) => {
    const plugin = plugins.get(installation.pluginId);
    const version = versions.get(installation.versionId);
    if (!plugin || !version) return [];
    const own = grants.filter(({ installationId }) => installationId === installation.id);
    const set = secrets.filter((row) => row.installation_id === installation.id).map(({ key }) => key);
    return [
      {
        id: installation.id,
        plugin: { id: plugin.id, publisher: plugin.publisher, slug: plugin.slug, name: plugin.name },
        version: version.version,
        versionId: version.id,
        digest: version.digest,
        status: installation.status,
        revision: installation.revision,
        config: installation.config,
        configRevision: installation.configRevision,
        grants: own.map(toGrantDto),
        limits: { ...version.manifest.limits, ...installation.limits },
        missing: missingParts(installation, version, own, set, new Date()),
        warnings: notRunYet(version.manifest),
        quarantineReason: quarantines.get(version.id) ?? installation.suspendedReason,
        createdAt: installation.createdAt.toISOString(),
        updatedAt: installation.updatedAt.toISOString(),
      },
    ];
  });
}

export async function viewOf(tx: Tx, installation: Installation): Promise<InstallationDto> {
  const [view] = await viewsOf(tx, installation.tenantId, [installation]);
  if (!view) throw new Error(`installation ${installation.id} has no plugin or version`);
  return view;
}
