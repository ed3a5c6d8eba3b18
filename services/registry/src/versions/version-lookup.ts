import { Injectable } from '@nestjs/common';
import { Database } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import type { Plugin } from '../plugins/plugin.entity.js';
import { openQuarantines } from '../quarantine/open-quarantines.js';
import { Version } from './version.entity.js';

const semver = /^[\w.+-]+$/;

/** Finds versions of a plugin. */
@Injectable()
export class VersionLookup {
  constructor(private readonly db: Database) {}

  /** @throws AppError VERSION_NOT_FOUND */
  async find(tenantId: string, plugin: Plugin, version: string): Promise<Version> {
    const found = semver.test(version)
      ? await this.db.tx(tenantId, (tx) => tx.findOneBy(Version, { tenantId, pluginId: plugin.id, version }))
      : null;
    if (!found)
      throw new AppError('VERSION_NOT_FOUND', { version, plugin: `${plugin.publisher}/${plugin.slug}` });
    return found;
  }

  /** The named version, or the plugin's latest. @throws AppError VERSION_NOT_FOUND, QUARANTINED */
  async installable(
    tenantId: string,
    plugin: Plugin,
    version: string = plugin.latestVersion,
  ): Promise<Version> {
    const found = await this.find(tenantId, plugin, version);
    const reason = (await this.db.tx(tenantId, (tx) => openQuarantines(tx, [found.id]))).get(found.id);
    if (reason !== undefined) throw new AppError('QUARANTINED', { reason });
    return found;
  }
}
