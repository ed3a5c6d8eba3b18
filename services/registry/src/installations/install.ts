import type { InstallationStatus } from '@mortise/contracts';
import { Injectable } from '@nestjs/common';
import { validateConfig } from '@mortise/bundle';
import {
  GrantGranted,
  InstallationInstalled,
  type GrantRequest,
  type InstallBody,
  type Principal,
} from '@mortise/contracts';
import { Database, isUniqueViolation, Outbox, type Tx } from '@mortise/database';
import { AppError, newId } from '@mortise/service-kit';
import { Not } from 'typeorm';
import { Grant } from '../grants/grant.entity.js';
import { PluginLookup } from '../plugins/plugin-lookup.js';
import type { Plugin } from '../plugins/plugin.entity.js';
import { VersionLookup } from '../versions/version-lookup.js';
import type { Version } from '../versions/version.entity.js';
import { InstallationChanges } from './installation-changes.js';
import { Installation } from './installation.entity.js';
import { grantable, missingGrants } from './readiness.js';

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
    const config = configFor(version, request);
    try {
      return await this.db.tx(caller.tenantId, (tx) =>
        this.write(tx, caller, plugin, version, config, request),
      );
    } catch (error) {
      // Two installs at once: the index decides, and the loser is told as if it had come later.
      if (isUniqueViolation(error)) throw await this.alreadyThere(caller.tenantId, plugin);
      throw error;
    }
  }

  private async write(
    tx: Tx,
    caller: Principal,
    plugin: Plugin,
    version: Version,
    config: Record<string, unknown>,
    request: InstallRequest,
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
      createdAt: new Date(),
      updatedAt: new Date(),
    });
    await tx.save(installation);
    const grants = wantedGrants(version, request.grants).map((grant) =>
      tx.create(Grant, {
        id: newId(),
        tenantId,
        installationId: installation.id,
        permission: grant.permission,
        selector: grant.selector ?? null,
        expiresAt: grant.expiresAt ? new Date(grant.expiresAt) : null,
        grantedBy: subject,
        createdAt: new Date(),
        revokedAt: null,
      }),
    );
    const missing = missingGrants(version, grants, new Date());
    if (missing.length > 0) throw new AppError('GRANTS_MISSING', { missing: missing.join(', ') });
    for (const grant of grants) {
      await tx.save(grant);
      await this.outbox.add(
        tx,
        GrantGranted,
        {
          installationId: installation.id,
          tenantId,
          grantId: grant.id,
          permission: grant.permission,
          actor: subject,
          at: grant.createdAt.toISOString(),
          ...(grant.expiresAt ? { expiresAt: grant.expiresAt.toISOString() } : {}),
        },
        { tenantId },
      );
    }
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

function configFor(version: Version, request: InstallRequest): Record<string, unknown> {
  const given = request.config ?? {};
  const checked = validateConfig(version.manifest.config, given);
  if (checked.ok) return checked.config;
  if (request.forgiving) return given;
  throw new AppError(
    'CONFIG_INVALID',
    {},
    { errors: checked.errors.map((error) => ({ ...error, pointer: `/config${error.pointer}` })) },
  );
}

/** 'all' means everything required; a list is what the admin named, and nothing the manifest does not ask for. */
function wantedGrants(version: Version, asked: InstallRequest['grants']): GrantRequest[] {
  const possible = grantable(version.manifest.permissions);
  if (asked === 'all') return possible.map((permission) => ({ permission }));
  const unknown = (asked ?? []).filter(({ permission }) => !possible.includes(permission));
  if (unknown.length > 0) {
    const errors = unknown.map(({ permission }) => ({
      pointer: `/grants/${(asked ?? []).findIndex((grant) => grant.permission === permission)}/permission`,
      message: `the manifest does not ask for ${permission}, or it needs no grant`,
      rule: 'requested',
    }));
    throw new AppError('INVALID_REQUEST', {}, { errors });
  }
  return asked ?? [];
}

/** Routes and look-ups go by slug: within a tenant it names one plugin. */
async function refuseTakenSlug(tx: Tx, tenantId: string, plugin: Plugin): Promise<void> {
  const [other] = await tx.query<unknown[]>(
    `select 1 from installations i join plugins p on p.id = i.plugin_id
     where i.tenant_id = $1 and i.status <> 'uninstalled' and p.slug = $2 and p.id <> $3 limit 1`,
    [tenantId, plugin.slug, plugin.id],
  );
  if (other) throw new AppError('SLUG_TAKEN', { slug: plugin.slug });
}
