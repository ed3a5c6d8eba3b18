import type { InstallationStatus } from '@mortise/contracts';
import { Injectable } from '@nestjs/common';
import { InstallationInstalled, type InstallBody, type Principal } from '@mortise/contracts';
import { Database, isUniqueViolation, Outbox, type Tx } from '@mortise/database';
import { AppError, newId } from '@mortise/service-kit';
import { Not } from 'typeorm';
import { consentsOf, type Consent } from '../grants/consent.js';
import { giveGrant } from '../grants/give.js';
import { PluginLookup } from '../plugins/plugin-lookup.js';
import type { Plugin } from '../plugins/plugin.entity.js';
import { VersionLookup } from '../versions/version-lookup.js';
import type { Version } from '../versions/version.entity.js';
import { checkedConfig } from './config.js';
import { InstallationChanges } from './installation-changes.js';
import { Installation } from './installation.entity.js';
import { requiredGrants } from './readiness.js';

export interface InstallRequest extends InstallBody {
  /** An incomplete config is kept and the installation waits for the rest, instead of a refusal. */
  forgiving?: boolean;
}

/** Puts a version of a plugin into a tenant. */
@Injectable()
export class Install {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly plugins: PluginLookup,
    private readonly versions: VersionLookup,
    private readonly changes: InstallationChanges,
  ) {}

  /** @throws AppError PLUGIN_NOT_FOUND, VERSION_NOT_FOUND, CONFIG_INVALID, GRANTS_MISSING, ALREADY_INSTALLED, SLUG_TAKEN, QUARANTINED */
  async install(caller: Principal, request: InstallRequest): Promise<Installation> {
    const plugin = await this.plugins.find(caller.tenantId, request.plugin);
    const version = await this.versions.installable(caller.tenantId, plugin, request.version);
    const { permissions, config: schema } = version.manifest;
    const config = checkedConfig(schema, request.config ?? {}, {
      pointer: '/config',
      incomplete: request.forgiving ?? false,
    });
    const consents = consentsOf(permissions, request.grants, new Date());
    const agreed = new Set(consents.map(({ permission }) => permission));
    const missing = requiredGrants(permissions).filter((permission) => !agreed.has(permission));
    if (missing.length > 0) throw new AppError('GRANTS_MISSING', { missing: missing.join(', ') });
    try {
      return await this.db.tx(caller.tenantId, (tx) =>
        this.write(tx, caller, plugin, version, config, consents),
      );
    } catch (error) {
      // Two installs at once: the index decides, and the loser is told as if it had come later.
      if (isUniqueViolation(error, 'installations_current'))
        throw await this.alreadyThere(caller.tenantId, plugin);
      throw error;
    }
  }

  private async write(
    tx: Tx,
    caller: Principal,
    plugin: Plugin,
    version: Version,
    config: Record<string, unknown>,
    consents: readonly Consent[],
  ): Promise<Installation> {
    const { tenantId, subject } = caller;
    await refuseTakenSlug(tx, tenantId, plugin);
    const installation = tx.create(Installation, {
      id: newId(),
      tenantId,
      pluginId: plugin.id,
      versionId: version.id,
      status: 'installed',
      revision: 1,
      config,
      configRevision: 1,
      secretsRevision: 0,
      keepData: true,
      limits: {},
      suspendedReason: null,
      createdAt: new Date(),
      updatedAt: new Date(),
    });
    await tx.save(installation);
    for (const consent of consents)
      await giveGrant(tx, this.outbox, tenantId, installation.id, consent, subject);
    await this.changes.tell(tx, installation, subject, InstallationInstalled);
    return installation;
  }

  private async alreadyThere(tenantId: string, plugin: Plugin): Promise<AppError> {
    const there = await this.db.tx(tenantId, (tx) =>
      tx.findOneBy(Installation, {
        tenantId,
        pluginId: plugin.id,
        status: Not<InstallationStatus>('uninstalled'),
      }),
    );
    return new AppError('ALREADY_INSTALLED', {
      plugin: `${plugin.publisher}/${plugin.slug}`,
      installation: there?.id ?? 'just uninstalled: retry',
    });
  }
}

/** Routes and look-ups go by slug: within a tenant it names one plugin. No index can say so, a lock does. */
async function refuseTakenSlug(tx: Tx, tenantId: string, plugin: Plugin): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`${tenantId}/${plugin.slug}`]);
  const [other] = await tx.query<unknown[]>(
    `select 1 from installations i join plugins p on p.id = i.plugin_id
     where i.tenant_id = $1 and i.status <> 'uninstalled' and p.slug = $2 and p.id <> $3 limit 1`,
    [tenantId, plugin.slug, plugin.id],
  );
  if (other) throw new AppError('SLUG_TAKEN', { slug: plugin.slug });
}
