import { Body, Controller, Param, Query, Req, Res } from '@nestjs/common';
import { InstallAliasBody, UninstallQuery, type InstallationDto, type Principal } from '@mortise/contracts';
import { Caller, Handles } from '@mortise/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { markConfig, markRevision, readRevisionsIfSent } from './answer.js';
import { Install } from './install.js';
import { InstallationLookup } from './installation-lookup.js';
import type { Installation } from './installation.entity.js';
import { merged } from './installations.controller.js';
import { InstallationsService } from './installations.service.js';

/** The forgiving routes: this tenant's installation by its plugin, as older systems ask. */
@Controller()
export class PluginAliasesController {
  constructor(
    private readonly installations: InstallationsService,
    private readonly installer: Install,
    private readonly lookup: InstallationLookup,
  ) {}

  /** A tenant-admin's call is consent; what else is missing is named in the answer, and it stays installed. */
  @Handles('plugins.install')
  async install(
    @Caller() caller: Principal,
    @Body() body: InstallAliasBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { plugin_id: plugin, version, config } = body;
    const installation = await this.installer.install(caller, {
      plugin,
      grants: 'all',
      forgiving: true,
      ...(version === undefined ? {} : { version }),
      ...(config === undefined ? {} : { config }),
    });
    const { missing } = await this.installations.view(installation);
    return this.shown(
      missing.length > 0 ? installation : await this.installations.activate(caller, installation.id),
      reply,
    );
  }

  @Handles('plugins.activate')
  async activate(
    @Caller() caller: Principal,
    @Param('plugin') plugin: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.lookup.byPlugin(caller.tenantId, plugin);
    return this.shown(await this.installations.activate(caller, id), reply);
  }

  @Handles('plugins.deactivate')
  async deactivate(
    @Caller() caller: Principal,
    @Param('plugin') plugin: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.lookup.byPlugin(caller.tenantId, plugin);
    return this.shown(await this.installations.change(caller, id, 'deactivate'), reply);
  }

  @Handles('plugins.reload')
  async reload(
    @Caller() caller: Principal,
    @Param('plugin') plugin: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.lookup.byPlugin(caller.tenantId, plugin);
    return this.shown(await this.installations.change(caller, id, 'reload'), reply);
  }

  @Handles('plugins.configure')
  async configure(
    @Caller() caller: Principal,
    @Param('plugin') plugin: string,
    @Body() patch: Record<string, unknown>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.lookup.byPlugin(caller.tenantId, plugin);
    const read = readRevisionsIfSent(request);
    return this.shown(
      await this.installations.configure(caller, id, read, (config) => merged(config, patch)),
      reply,
    );
  }

  @Handles('plugins.uninstall')
  async uninstall(
    @Caller() caller: Principal,
    @Param('plugin') plugin: string,
    @Query() query: UninstallQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { id } = await this.lookup.byPlugin(caller.tenantId, plugin);
    markRevision(reply, await this.installations.uninstall(caller, id, query.keepData ?? true));
  }

  private shown(installation: Installation, reply: FastifyReply): Promise<InstallationDto> {
    markRevision(reply, installation);
    markConfig(reply, installation);
    return this.installations.view(installation);
  }
}
