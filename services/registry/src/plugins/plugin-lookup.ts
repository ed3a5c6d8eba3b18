import { Injectable } from '@nestjs/common';
import { Database } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { isId } from '../ids.js';
import { Plugin } from './plugin.entity.js';

const named = /^(?:([\w-]+)\/)?([\w-]+)$/;

/** Finds what `{plugin}` of a path names: an id, publisher/slug, or a slug where it is unique. */
@Injectable()
export class PluginLookup {
  constructor(private readonly db: Database) {}

  /** @throws AppError PLUGIN_NOT_FOUND, also for another tenant's; PLUGIN_AMBIGUOUS */
  async find(tenantId: string, name: string): Promise<Plugin> {
    const [, publisher, slug] = named.exec(name.toLowerCase()) ?? [];
    if (slug === undefined) throw new AppError('PLUGIN_NOT_FOUND', { plugin: name });
    const where = isId(name)
      ? { tenantId, id: name }
      : { tenantId, slug, ...(publisher === undefined ? {} : { publisher }) };
    const found = await this.db.tx(tenantId, (tx) => tx.find(Plugin, { where, take: 2 }));
    if (found.length > 1) throw new AppError('PLUGIN_AMBIGUOUS', { plugin: name });
    if (!found[0]) throw new AppError('PLUGIN_NOT_FOUND', { plugin: name });
    return found[0];
  }
}
