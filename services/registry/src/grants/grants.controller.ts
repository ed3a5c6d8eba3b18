import { Body, Controller, Param, ParseUUIDPipe, Res } from '@nestjs/common';
import { GrantRequest, type GrantDto, type Principal } from '@mortise/contracts';
import { AppError, Caller, Handles } from '@mortise/service-kit';
import type { FastifyReply } from 'fastify';
import { markRevision } from '../installations/answer.js';
import { InstallationLookup } from '../installations/installation-lookup.js';
import { GrantsService } from './grants.service.js';

const grantId = new ParseUUIDPipe({
  exceptionFactory: () => new AppError('NOT_FOUND', { what: 'this grant' }),
});

@Controller()
export class GrantsController {
  constructor(
    private readonly grants: GrantsService,
    private readonly lookup: InstallationLookup,
  ) {}

  @Handles('grants.list')
  async list(@Caller() caller: Principal, @Param('id') id: string): Promise<{ data: GrantDto[] }> {
    const installation = await this.lookup.installation(caller.tenantId, id);
    return { data: await this.grants.list(caller.tenantId, installation.id) };
  }

  @Handles('grants.create')
  async create(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: GrantRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GrantDto> {
    await this.lookup.installation(caller.tenantId, id);
    const { grant, installation } = await this.grants.grant(caller, id, body);
    markRevision(reply, installation);
    return grant;
  }

  @Handles('grants.delete')
  async revoke(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('grant', grantId) grant: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.lookup.installation(caller.tenantId, id);
    markRevision(reply, await this.grants.revoke(caller, id, grant));
  }
}
