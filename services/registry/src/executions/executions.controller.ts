import { Body, Controller, Param, Query, Req, Res } from '@nestjs/common';
import {
  ExecuteBody,
  ExecutionListQuery,
  type AcceptedDto,
  type ExecutionDto,
  type Page,
  type Principal,
} from '@mortise/contracts';
import { Caller, Handles } from '@mortise/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ExecutionsService } from './executions.service.js';

@Controller()
export class ExecutionsController {
  constructor(private readonly executions: ExecutionsService) {}

  @Handles('executions.queue')
  async queue(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: ExecuteBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptedDto> {
    const accepted = await this.executions.queue(caller, id, body, request.traceparent);
    reply.header('location', `/api/v1/executions/${accepted.executionId}`);
    return accepted;
  }

  @Handles('executions.list')
  list(@Caller() caller: Principal, @Query() query: ExecutionListQuery): Promise<Page<ExecutionDto>> {
    return this.executions.list(caller.tenantId, query);
  }

  @Handles('executions.get')
  get(@Caller() caller: Principal, @Param('id') id: string): Promise<ExecutionDto> {
    return this.executions.get(caller.tenantId, id);
  }

  @Handles('executions.cancel')
  cancel(@Caller() caller: Principal, @Param('id') id: string) {
    return this.executions.cancel(caller.tenantId, id);
  }
}
