import { Body, Controller, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { PageQuery, QuarantineBody, type Page, type Principal, type QuarantineDto } from '@mortise/contracts';
import { AppError, Caller, Handles } from '@mortise/service-kit';
import { QuarantineService } from './quarantine.service.js';

const quarantineId = new ParseUUIDPipe({
  exceptionFactory: () => new AppError('QUARANTINE_NOT_FOUND', { id: 'of this form' }),
});

@Controller()
export class QuarantineController {
  constructor(private readonly quarantines: QuarantineService) {}

  @Handles('quarantine.list')
  list(@Query() query: PageQuery): Promise<Page<QuarantineDto>> {
    return this.quarantines.list(query);
  }

  @Handles('quarantine.create')
  create(@Caller() caller: Principal, @Body() body: QuarantineBody): Promise<QuarantineDto> {
    return this.quarantines.quarantine(caller, body);
  }

  @Handles('quarantine.release')
  release(@Param('id', quarantineId) id: string): Promise<QuarantineDto> {
    return this.quarantines.release(id);
  }
}
