import { Body, Controller, Get, Param, Query, Res } from '@nestjs/common';
import {
  InternalSecretsQuery,
  SecretBody,
  type Principal,
  type SecretDto,
  type SecretValues,
} from '@mortise/contracts';
import { AppError, Caller, Handles } from '@mortise/service-kit';
import type { FastifyReply } from 'fastify';
import { markRevision } from '../installations/answer.js';
import { SecretsService } from './secrets.service.js';

/** Who may read values: the subject executors sign their calls with. */
const reader = 'service:executor';

@Controller()
export class SecretsController {
  constructor(private readonly secrets: SecretsService) {}

  @Handles('secrets.list')
  async list(@Caller() caller: Principal, @Param('id') id: string): Promise<{ data: SecretDto[] }> {
    return { data: await this.secrets.list(caller.tenantId, id) };
  }

  @Handles('secrets.put')
  async put(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('key') key: string,
    @Body() body: SecretBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    markRevision(reply, await this.secrets.put(caller, id, key, body.value));
  }

  @Handles('secrets.delete')
  async remove(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('key') key: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    markRevision(reply, await this.secrets.remove(caller, id, key));
  }

  /** Not part of the API: the gateway forwards no path but the route table's, and no caller's subject is a service. */
  @Get('internal/installations/:id/secrets')
  async values(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query() { tenantId }: InternalSecretsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SecretValues> {
    if (caller.subject !== reader || caller.tenantId !== tenantId)
      throw new AppError('FORBIDDEN', { right: 'to read secrets' });
    reply.header('cache-control', 'no-store');
    return this.secrets.values(tenantId, id);
  }
}
