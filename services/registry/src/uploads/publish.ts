import { Injectable } from '@nestjs/common';
import { notRunYet, type Package } from '@mortise/bundle';
import { PluginUploaded, PluginValidated, type Principal } from '@mortise/contracts';
import { Database, isUniqueViolation, Outbox, type Tx } from '@mortise/database';
import { AppError, newId } from '@mortise/service-kit';
import semver from 'semver';
import { Plugin } from '../plugins/plugin.entity.js';
import { Version } from '../versions/version.entity.js';
import { TenantNames } from './tenant-names.js';

export interface Published {
  plugin: Plugin;
  version: Version;
  /** False: the same bytes were there already. */
  created: boolean;
}

/** Rows of plugins and versions: who may publish what, and that a version never changes. */
@Injectable()
export class Publish {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly names: TenantNames,
  ) {}

  /**
   * What an upload would meet, before anything expensive is done with it.
   * @returns the existing version when it has the same bytes
   * @throws AppError PUBLISHER_NOT_OWNED, VERSION_EXISTS
   */
  async existing(caller: Principal, bundle: Package): Promise<Published | undefined> {
    await this.assertNotAnothers(caller, publisherOf(caller, bundle));
    return this.db.system(async (tx) => {
      await this.assertOwned(tx, caller, publisherOf(caller, bundle));
      return this.find(tx, caller, bundle);
    });
  }

  /**
   * Version row and events in one transaction.
   * @param keep puts the package where versions have theirs: called once nothing can refuse the version any more
   * @throws AppError PUBLISHER_NOT_OWNED, VERSION_EXISTS
   */
  async publish(caller: Principal, bundle: Package, keep: () => Promise<void>): Promise<Published> {
    await this.assertNotAnothers(caller, publisherOf(caller, bundle));
    const write = () =>
      this.db.system(async (tx) => {
        const published = await this.write(tx, caller, bundle);
        // Before the commit, so that no version is without its package; after the rows, so that the bytes of an upload
        // that lost a race are never kept: nobody could remove them later without racing the next one.
        if (published.created) await keep();
        return published;
      });
    try {
      return await write();
    } catch (error) {
      // The same version uploaded twice at once: the second finds the first.
      if (isUniqueViolation(error)) return write();
      throw error;
    }
  }

  private async write(tx: Tx, caller: Principal, bundle: Package): Promise<Published> {
    const { tenantId } = caller;
    const { manifest } = bundle;
    const publisher = publisherOf(caller, bundle);
    await tx.query(
      'insert into publishers (id, tenant_id, slug) values ($1, $2, $3) on conflict (slug) do nothing',
      [newId(), tenantId, publisher],
    );
    await this.assertOwned(tx, caller, publisher);
    const there = await this.find(tx, caller, bundle);
    if (there) return there;

    const plugin =
      (await tx.findOne(Plugin, {
        where: { tenantId, publisher, slug: manifest.slug },
        lock: { mode: 'pessimistic_write' },
      })) ??
      tx.create(Plugin, {
        id: newId(),
        tenantId,
        publisher,
        slug: manifest.slug,
        revision: 1,
        createdAt: new Date(),
        latestVersion: manifest.version,
      });
    const newest = semver.gte(manifest.version, plugin.latestVersion);
    Object.assign(
      plugin,
      newest || !plugin.name
        ? {
            name: manifest.name,
            description: manifest.description ?? null,
            category: manifest.category ?? null,
          }
        : {},
      {
        latestVersion: newest ? manifest.version : plugin.latestVersion,
      },
    );
    await tx.save(plugin);
    const version = tx.create(Version, {
      id: newId(),
      tenantId,
      pluginId: plugin.id,
      version: manifest.version,
      digest: bundle.digest,
      sizeBytes: bundle.sizeBytes,
      status: 'validated',
      manifest,
      warnings: [...bundle.warnings, ...notRunYet(manifest)],
      createdAt: new Date(),
    });
    await tx.save(version);
    const data = {
      pluginId: plugin.id,
      versionId: version.id,
      tenantId,
      publisher,
      slug: plugin.slug,
      version: version.version,
      digest: version.digest,
      at: version.createdAt.toISOString(),
    };
    await this.outbox.add(tx, PluginUploaded, data, { tenantId });
    await this.outbox.add(tx, PluginValidated, data, { tenantId });
    return { plugin, version, created: true };
  }

  private async find(
    tx: Tx,
    caller: Principal,
    { manifest, digest }: Package,
  ): Promise<Published | undefined> {
    const { tenantId } = caller;
    const publisher = manifest.publisher ?? caller.tenantSlug;
    const plugin = await tx.findOneBy(Plugin, { tenantId, publisher, slug: manifest.slug });
    const version =
      plugin && (await tx.findOneBy(Version, { tenantId, pluginId: plugin.id, version: manifest.version }));
    if (!plugin || !version) return undefined;
    if (version.digest !== digest)
      throw new AppError('VERSION_EXISTS', {
        plugin: `${publisher}/${plugin.slug}`,
        version: version.version,
      });
    return { plugin, version, created: false };
  }

  /** Who took another tenant's slug first would publish in its name. */
  private async assertNotAnothers({ tenantId }: Principal, publisher: string): Promise<void> {
    const owner = await this.names.ownerOf(publisher);
    if (owner !== undefined && owner !== tenantId) throw new AppError('PUBLISHER_NOT_OWNED', { publisher });
  }

  private async assertOwned(tx: Tx, caller: Principal, publisher: string): Promise<void> {
    const [row] = await tx.query<{ tenant_id: string }[]>(
      'select tenant_id from publishers where slug = $1',
      [publisher],
    );
    if (row && row.tenant_id !== caller.tenantId) throw new AppError('PUBLISHER_NOT_OWNED', { publisher });
  }
}

const publisherOf = (caller: Principal, { manifest }: Package): string =>
  manifest.publisher ?? caller.tenantSlug;
