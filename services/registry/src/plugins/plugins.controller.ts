import { Controller, Param, Query } from '@nestjs/common';
import {
  PluginListQuery,
  type Page,
  type PluginDetailDto,
  type PluginDto,
  type Principal,
} from '@mortise/contracts';
import { Database, placeOf, toPage } from '@mortise/database';
import { AppError, Caller, Handles } from '@mortise/service-kit';
import { Version } from '../versions/version.entity.js';
import { toVersionDto } from '../versions/view.js';
import { PluginLookup } from './plugin-lookup.js';
import { pluginPage, pluginRow, type PluginRow } from './plugins.queries.js';

const newestVersions = 100;

@Controller()
export class PluginsController {
  constructor(
    private readonly db: Database,
    private readonly lookup: PluginLookup,
  ) {}

  @Handles('plugins.list')
  async list(@Caller() { tenantId }: Principal, @Query() query: PluginListQuery): Promise<Page<PluginDto>> {
    const place = placeOf(query);
    return toPage(place, await this.db.tx(tenantId, (tx) => pluginPage(tx, tenantId, query, place)), toDto);
  }

  @Handles('plugins.get')
  async get(@Caller() { tenantId }: Principal, @Param('plugin') name: string): Promise<PluginDetailDto> {
    const { id } = await this.lookup.find(tenantId, name);
    return this.db.tx(tenantId, async (tx) => {
      const row = await pluginRow(tx, tenantId, id);
      if (!row) throw new AppError('PLUGIN_NOT_FOUND', { plugin: name });
      const versions = await tx.find(Version, {
        where: { tenantId, pluginId: id },
        order: { id: 'desc' },
        take: newestVersions,
      });
      return { ...toDto(row), versions: versions.map(toVersionDto) };
    });
  }
}

const toDto = (row: PluginRow): PluginDto => ({
  id: row.id,
  publisher: row.publisher,
  slug: row.slug,
  name: row.name,
  description: row.description,
  category: row.category,
  latestVersion: row.latest_version,
  createdAt: row.created_at.toISOString(),
  installation:
    row.installation_id && row.installation_status && row.installation_version
      ? { id: row.installation_id, status: row.installation_status, version: row.installation_version }
      : null,
});
