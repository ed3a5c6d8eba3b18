import { Injectable } from '@nestjs/common';
import { Database } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { Plugin } from './plugin.entity.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Finds what `{plugin}` of a path names: an id, publisher/slug, or a slug where it is unique. */
@Injectable()
export class PluginLookup {
  constructor(private readonly db: Database) {}

  /** @throws AppError PLUGIN_NOT_FOUND, also for another tenant's; PLUGIN_AMBIGUOUS */
  async find(tenantId: string, name: string): Promise<Plugin> {
    const [publisher, slug] = name.includes('/') ? name.split('/', 2) : [undefined, name];
    const where = uuid.test(name)
      ? { tenantId, id: name }
      : {
          tenantId,
          slug: (slug ?? '').toLowerCase(),
          ...(publisher === undefined ? {} : { publisher: publisher.toLowerCase() }),
        };
    const found = await this.db.tx(tenantId, (tx) => tx.find(Plugin, { where, take: 2 }));
    if (found.length > 1) throw new AppError('PLUGIN_AMBIGUOUS', { plugin: name });
    if (!found[0]) throw new AppError('PLUGIN_NOT_FOUND', { plugin: name });
    return found[0];
  }
}
