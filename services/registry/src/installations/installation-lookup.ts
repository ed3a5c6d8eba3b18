import type { InstallationStatus } from '@mortise/contracts';
import { Injectable } from '@nestjs/common';
import { Database } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { Not } from 'typeorm';
import { isId } from '../ids.js';
import { PluginLookup } from '../plugins/plugin-lookup.js';
import { Installation } from './installation.entity.js';

/** Finds what a path names: an installation by its id, or by its plugin. */
@Injectable()
export class InstallationLookup {
  constructor(
    private readonly db: Database,
    private readonly plugins: PluginLookup,
  ) {}

  /** @throws AppError INSTALLATION_NOT_FOUND, also for those that were uninstalled */
  async installation(tenantId: string, id: string): Promise<Installation> {
    const found = isId(id)
      ? await this.db.tx(tenantId, (tx) =>
          tx.findOneBy(Installation, { tenantId, id, status: Not<InstallationStatus>('uninstalled') }),
        )
      : null;
    if (!found) throw new AppError('INSTALLATION_NOT_FOUND', { installation: id });
    return found;
  }

  /** This tenant's installation of a plugin. @throws AppError PLUGIN_NOT_FOUND, INSTALLATION_NOT_FOUND */
  async byPlugin(tenantId: string, plugin: string): Promise<Installation> {
    const { id } = await this.plugins.find(tenantId, plugin);
    const found = await this.db.tx(tenantId, (tx) =>
      tx.findOneBy(Installation, { tenantId, pluginId: id, status: Not<InstallationStatus>('uninstalled') }),
    );
    if (!found) throw new AppError('INSTALLATION_NOT_FOUND', { installation: `of ${plugin}` });
    return found;
  }
}
