import { Controller, Param, Query, Req, Res } from '@nestjs/common';
import { LogQuery, type Principal } from '@mortise/contracts';
import { Caller, Handles } from '@mortise/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InstallationLookup } from '../installations/installation-lookup.js';
import { LiveTail } from './live-tail.js';
import { filterOf, LogsService } from './logs.service.js';

/** An EventSource cannot but ask for this type; who takes JSON as well is a client that did not choose. */
const wantsTail = (accept = '') => /text\/event-stream/i.test(accept) && !/json|\*\/\*/i.test(accept);

/** Logs of an installation, by three names; a page, or an answer that stays open. */
@Controller()
export class LogsController {
  constructor(
    private readonly logs: LogsService,
    private readonly tail: LiveTail,
    private readonly lookup: InstallationLookup,
  ) {}

  @Handles('installations.logs')
  async ofInstallation(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query() query: LogQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const installation = await this.lookup.installation(caller.tenantId, id);
    await this.answer(caller.tenantId, installation.id, query, request, reply);
  }

  @Handles('plugins.logs')
  async ofPlugin(
    @Caller() caller: Principal,
    @Param('plugin') plugin: string,
    @Query() query: LogQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const installation = await this.lookup.byPlugin(caller.tenantId, plugin);
    await this.answer(caller.tenantId, installation.id, query, request, reply);
  }

  /** Also of installations that are gone: the id is what counts. */
  @Handles('executions.logs')
  async ofExecution(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query() query: LogQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const installationId = await this.logs.installationOf(caller.tenantId, id);
    await this.answer(caller.tenantId, installationId, { ...query, executionId: id }, request, reply);
  }

  private async answer(
    tenantId: string,
    installationId: string,
    query: LogQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const filter = filterOf(tenantId, installationId, query);
    if (query.follow || wantsTail(request.headers.accept)) await this.tail.follow(request, reply, filter);
    else await reply.send(await this.logs.page(filter, query));
  }
}
