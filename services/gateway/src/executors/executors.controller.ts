import { Controller } from '@nestjs/common';
import type { ExecutorsDto } from '@mortise/contracts';
import { Handles } from '@mortise/service-kit';
import { ExecutorsService } from './executors.service.js';

@Controller()
export class ExecutorsController {
  constructor(private readonly executors: ExecutorsService) {}

  @Handles('executor.state')
  state(): Promise<ExecutorsDto> {
    return this.executors.state();
  }
}
