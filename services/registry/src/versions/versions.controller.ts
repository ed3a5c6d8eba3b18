import { Controller, Param, Query, Res } from '@nestjs/common';
import {
  PageQuery,
  type Page,
  type Principal,
  type VersionDetailDto,
  type VersionDto,
} from '@mortise/contracts';
import { Database, placeOf, toPage } from '@mortise/database';
import { AppError, Caller, Handles } from '@mortise/service-kit';
import type { FastifyReply } from 'fastify';
import { PluginLookup } from '../plugins/plugin-lookup.js';
import { Packages } from '../uploads/packages.js';
import { VersionLookup } from './version-lookup.js';
import { Version } from './version.entity.js';
import { toVersionDto } from './view.js';

@Controller()
export class VersionsController {
  constructor(
    private readonly db: Database,
    private readonly plugins: PluginLookup,
    private readonly versions: VersionLookup,
    private readonly packages: Packages,
  ) {}

  @Handles('versions.list')
  async list(
    @Caller() { tenantId }: Principal,
    @Param('plugin') name: string,
    @Query() query: PageQuery,
  ): Promise<Page<VersionDto>> {
    const plugin = await this.plugins.find(tenantId, name);
    const place = placeOf(query);
    const rows = await this.db.tx(tenantId, (tx) =>
      tx.find(Version, {
        where: { tenantId, pluginId: plugin.id, ...(place.id ? { id: place.id } : {}) },
        order: { id: place.order },
        take: place.limit + 1,
      }),
    );
    return toPage(place, rows, toVersionDto);
  }

  @Handles('versions.get')
  async get(
    @Caller() { tenantId }: Principal,
    @Param('plugin') name: string,
    @Param('version') version: string,
  ): Promise<VersionDetailDto> {
    const plugin = await this.plugins.find(tenantId, name);
    const found = await this.versions.find(tenantId, plugin, version);
    return {
      ...toVersionDto(found),
      pluginId: plugin.id,
      manifest: found.manifest,
      warnings: found.warnings,
    };
  }

  @Handles('versions.package')
  async download(
    @Caller() { tenantId }: Principal,
    @Param('plugin') name: string,
    @Param('version') version: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const plugin = await this.plugins.find(tenantId, name);
    const found = await this.versions.find(tenantId, plugin, version);
    const bytes = await this.packages.read(found.digest);
    if (!bytes) throw new AppError('UNAVAILABLE', { what: 'the package store' });
    await reply
      .type('application/octet-stream')
      .header('content-length', found.sizeBytes)
      .header('etag', `"${found.digest}"`)
      .header(
        'content-disposition',
        `attachment; filename="${plugin.slug}-${found.version.replace(/[^\w.-]/g, '_')}.package"`,
      )
      .send(bytes);
  }
}
