import { Inject, Injectable } from '@nestjs/common';
import { Bus, encodeEvent } from '@mortise/bus';
import { Control, type ExecutorsDto, type ExecutorStateDto } from '@mortise/contracts';
import type { Clock } from '@mortise/service-kit';
import { clockToken } from '../parts.js';

/** Nobody knows how many executors there are, so this long is waited for each of them; one that is busy answers in less. */
const waitMs = 750;

/** Asks every executor over the bus. */
@Injectable()
export class ExecutorsService {
  constructor(
    private readonly bus: Bus,
    @Inject(clockToken) private readonly clock: Clock,
  ) {}

  /** @throws AppError UNAVAILABLE when the bus takes nothing */
  async state(): Promise<ExecutorsDto> {
    const question = encodeEvent(
      Control,
      { action: 'report', target: 'executors' },
      { source: `/${this.bus.service}` },
    );
    const replies = await this.bus.survey(question, { deadline: this.clock.now() + waitMs });
    const executors = replies
      .map(({ value }) => JSON.parse(value?.toString() ?? '{}') as ExecutorStateDto)
      .sort((a, b) => a.instance.localeCompare(b.instance));
    return { executors };
  }
}
