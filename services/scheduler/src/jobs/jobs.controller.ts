import { Body, Controller, Param, Res } from '@nestjs/common';
import { JobPatch, type AcceptedDto, type JobDto, type Page, type Principal } from '@mortise/contracts';
import { AppError, Caller, Handles } from '@mortise/service-kit';
import { Jobs } from './jobs.service.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const installationId = (id: string): string => {
  if (!uuid.test(id)) throw new AppError('INSTALLATION_NOT_FOUND', { installation: id });
  return id.toLowerCase();
};

interface Answer {
  header(name: string, value: string): unknown;
}

@Controller()
export class JobsController {
  constructor(private readonly jobs: Jobs) {}

  @Handles('jobs.list')
  async list(@Caller() caller: Principal, @Param('id') id: string): Promise<Page<JobDto>> {
    const data = await this.jobs.list(caller.tenantId, installationId(id));
    return { data, page: { next: null, prev: null, limit: data.length } };
  }

  @Handles('jobs.run')
  async run(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('name') name: string,
    @Res({ passthrough: true }) answer: Answer,
  ): Promise<AcceptedDto> {
    return located(answer, await this.jobs.runNow(caller.tenantId, installationId(id), name));
  }

  @Handles('jobs.update')
  update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('name') name: string,
    @Body() body: JobPatch,
  ): Promise<JobDto> {
    return this.jobs.setEnabled(caller.tenantId, installationId(id), name, body.enabled);
  }

  @Handles('plugins.jobs.run')
  async runOfPlugin(
    @Caller() caller: Principal,
    @Param('plugin') plugin: string,
    @Param('name') name: string,
    @Res({ passthrough: true }) answer: Answer,
  ): Promise<AcceptedDto> {
    const id = this.jobs.installationOf(caller.tenantId, plugin);
    return located(answer, await this.jobs.runNow(caller.tenantId, id, name));
  }
}

function located(answer: Answer, accepted: AcceptedDto): AcceptedDto {
  answer.header('location', `/api/v1/executions/${accepted.executionId}`);
  return accepted;
}
