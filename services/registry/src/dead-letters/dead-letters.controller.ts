import { Body, Controller, Param, Query } from '@nestjs/common';
import {
  DeadLetterFilter,
  DeadLetterQuery,
  type DeadLetterDetailDto,
  type DeadLetterDto,
  type DeadLettersChangedDto,
  type Page,
  type Principal,
} from '@mortise/contracts';
import { Caller, Handles } from '@mortise/service-kit';
import { DeadLetters } from './dead-letters.service.js';

@Controller()
export class DeadLettersController {
  constructor(private readonly letters: DeadLetters) {}

  @Handles('dead-letters.list')
  list(@Query() query: DeadLetterQuery): Promise<Page<DeadLetterDto>> {
    return this.letters.list(query);
  }

  @Handles('dead-letters.get')
  get(@Param('id') id: string): Promise<DeadLetterDetailDto> {
    return this.letters.get(id);
  }

  @Handles('dead-letters.replay')
  replay(@Caller() caller: Principal, @Param('id') id: string): Promise<DeadLetterDto> {
    return this.letters.replay(caller.subject, id);
  }

  @Handles('dead-letters.replay-many')
  replayMany(@Caller() caller: Principal, @Body() body: DeadLetterFilter): Promise<DeadLettersChangedDto> {
    return this.letters.replayMany(caller.subject, body);
  }

  @Handles('dead-letters.discard')
  discard(@Caller() caller: Principal, @Param('id') id: string): Promise<void> {
    return this.letters.discard(caller.subject, id);
  }

  @Handles('dead-letters.discard-many')
  discardMany(@Caller() caller: Principal, @Body() body: DeadLetterFilter): Promise<DeadLettersChangedDto> {
    return this.letters.discardMany(caller.subject, body);
  }
}
