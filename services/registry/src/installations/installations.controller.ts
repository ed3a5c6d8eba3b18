import { Body, Controller, Param, Query, Req, Res } from '@nestjs/common';
import {
  InstallationListQuery,
  InstallBody,
  UninstallQuery,
  UpdateInstallationBody,
  type InstallationDto,
  type Page,
  type Principal,
} from '@mortise/contracts';
import { AppError, Caller, Handles } from '@mortise/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { markConfig, markRevision, readRevisions } from './answer.js';
import { Install } from './install.js';
import { InstallationLookup } from './installation-lookup.js';
import type { Installation } from './installation.entity.js';
import { InstallationsService } from './installations.service.js';
import { mergePatch } from './merge-patch.js';

/** The strict routes: an installation by its id. */
@Controller()
export class InstallationsController {
  constructor(
    private readonly installations: InstallationsService,
    private readonly installer: Install,
    private readonly lookup: InstallationLookup,
  ) {}

  @Handles('installations.create')
  async create(
    @Caller() caller: Principal,
    @Body() body: InstallBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const installation = await this.installer.install(caller, body);
    reply.header('location', `/api/v1/installations/${installation.id}`);
    return this.shown(installation, reply);
  }

  @Handles('installations.list')
  list(@Caller() caller: Principal, @Query() query: InstallationListQuery): Promise<Page<InstallationDto>> {
    return this.installations.list(caller.tenantId, query);
  }

  @Handles('installations.get')
  async get(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const installation = await this.lookup.installation(caller.tenantId, id);
    markConfig(reply, installation);
    return this.installations.view(installation);
  }

  @Handles('installations.update')
  async update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: UpdateInstallationBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.shown(
      await this.installations.configure(
        caller,
        id,
        readRevisions(request),
        (config) => body.config ?? config,
        body.limits,
      ),
      reply,
    );
  }

  @Handles('installations.configure')
  async configure(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() patch: Record<string, unknown>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const read = readRevisions(request);
    return this.shown(
      await this.installations.configure(caller, id, read, (config) => merged(config, patch)),
      reply,
    );
  }

  @Handles('installations.activate')
  async activate(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.shown(await this.installations.activate(caller, id), reply);
  }

  @Handles('installations.deactivate')
  async deactivate(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.shown(await this.installations.change(caller, id, 'deactivate'), reply);
  }

  @Handles('installations.reload')
  async reload(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.shown(await this.installations.change(caller, id, 'reload'), reply);
  }

  @Handles('installations.delete')
  async remove(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query() query: UninstallQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    markRevision(reply, await this.installations.uninstall(caller, id, query.keepData ?? true));
  }

  private shown(installation: Installation, reply: FastifyReply): Promise<InstallationDto> {
    markRevision(reply, installation);
    markConfig(reply, installation);
    return this.installations.view(installation);
  }
}

/** @throws AppError INVALID_REQUEST when the patch is not an object: it would replace the whole config */
export function merged(config: Record<string, unknown>, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
    throw new AppError(
      'INVALID_REQUEST',
      {},
      { errors: [{ pointer: '', message: 'a merge patch of the config is an object', rule: 'type' }] },
    );
  }
  return mergePatch(config, patch);
}
