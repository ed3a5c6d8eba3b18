import { Module, type DynamicModule } from '@nestjs/common';
import { EventsController } from './events/events.controller.js';
import { Events } from './events/events.service.js';
import { TestEvents } from './events/test-events.service.js';
import { JobsController } from './jobs/jobs.controller.js';
import { Jobs } from './jobs/jobs.service.js';
import { SchedulesController } from './schedules/schedules.controller.js';
import { Schedules } from './schedules/schedules.service.js';

export interface SchedulerServices {
  schedules: Schedules;
  jobs: Jobs;
  events: Events;
  testEvents: TestEvents;
}

/** What Nest wires in the scheduler: HTTP and lifecycle events. The loop and the matcher start by themselves. */
@Module({})
export class SchedulerModule {
  static of({ schedules, jobs, events, testEvents }: SchedulerServices): DynamicModule {
    return {
      module: SchedulerModule,
      controllers: [JobsController, EventsController, SchedulesController],
      providers: [
        { provide: Schedules, useValue: schedules },
        { provide: Jobs, useValue: jobs },
        { provide: Events, useValue: events },
        { provide: TestEvents, useValue: testEvents },
      ],
    };
  }
}
