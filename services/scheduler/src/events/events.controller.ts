import { Controller, Req } from '@nestjs/common';
import type { EventAcceptedDto, Principal, TestEventDto } from '@mortise/contracts';
import { Caller, Handles } from '@mortise/service-kit';
import { Events } from './events.service.js';
import { readEvent } from './read-event.js';
import { readTestBody } from './test-body.js';
import { TestEvents } from './test-events.service.js';

/** The whole request: a CloudEvent is spread over headers and body. */
interface Request {
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
  traceparent: string;
}

@Controller()
export class EventsController {
  constructor(
    private readonly events: Events,
    private readonly tests: TestEvents,
  ) {}

  @Handles('events.publish')
  publish(@Caller() caller: Principal, @Req() request: Request): Promise<EventAcceptedDto> {
    return this.events.publish(caller, readEvent(request.headers, request.body), request.traceparent);
  }

  @Handles('events.test')
  test(@Caller() caller: Principal, @Req() request: Request): Promise<TestEventDto> {
    return this.tests.run(caller, readTestBody(request.body), request.traceparent);
  }
}
