import { Controller, Param, Query } from '@nestjs/common';
import { WaitingQuery, type Page, type WaitingDto } from '@mortise/contracts';
import { Handles } from '@mortise/service-kit';
import { Waiting } from './waiting.service.js';

@Controller()
export class WaitingController {
  constructor(private readonly waiting: Waiting) {}

  @Handles('waiting.list')
  list(@Query() query: WaitingQuery): Promise<Page<WaitingDto>> {
    return this.waiting.list(query);
  }

  @Handles('waiting.cancel')
  cancel(@Param('id') id: string): Promise<void> {
    return this.waiting.cancel(id);
  }
}
