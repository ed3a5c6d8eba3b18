import { Bus, BusStrategy, type SharedParts, openStates } from '@mortise/bus';
import { Database, Inbox, Outbox, Partitions } from '@mortise/database';
import {
  assertRoutesHandled,
  buildHttpApp,
  closeHttpApp,
  startService,
  type RunningService,
} from '@mortise/service-kit';
import type { SchedulerEnv } from './env.js';
import { Events } from './events/events.service.js';
import { TestEvents } from './events/test-events.service.js';
import { Jobs } from './jobs/jobs.service.js';
import { Matcher } from './matching/matcher.js';
import { Subscriptions } from './matching/subscriptions.js';
import { SchedulerModule } from './scheduler.module.js';
import { FireEnds } from './schedules/fire-ends.js';
import { ScheduleFollower } from './schedules/follow.js';
import { ScheduleLoop } from './schedules/schedule-loop.js';
import { Schedules } from './schedules/schedules.service.js';

/** Starts a scheduler; resolves when it answers and fires what is due. */
export function start(env: SchedulerEnv, shared: SharedParts = {}): Promise<RunningService> {
  return startService('scheduler', env, shared, async ({ instanceId, clock, logger, health, closers }) => {
    const db = await Database.connect({
      url: env.DATABASE_URL,
      service: 'scheduler',
      poolSize: env.DATABASE_POOL_SIZE,
      logger,
    });
    closers.add('database', () => db.close());
    const bus = Bus.create({
      service: 'scheduler',
      instanceId,
      env,
      logger,
      clock,
      broker: shared.broker,
    });
    const outbox = new Outbox({ db, bus, logger, clock });
    bus.parkWith(outbox);
    closers.add('outbox', () => outbox.close());
    // The inbox: each event that matched is remembered there until it cannot come again.
    const partitions = new Partitions({ db, clock, logger });
    closers.add('partitions', () => partitions.close());

    const states = openStates(bus);
    const schedules = new Schedules(db, clock);
    const subscriptions = new Subscriptions(states);
    closers.add('subscriptions', subscriptions.follow());
    const follower = new ScheduleFollower(schedules, states, logger);
    closers.add('follower', () => follower.close());
    follower.subscribe();
    new Matcher(states, subscriptions, db, new Inbox(), outbox).consume(bus);
    new FireEnds(db, logger).consume(bus);

    health.check('database', () => db.ping());
    health.follow('bus', () => bus.ready());
    const app = await buildHttpApp(
      SchedulerModule.of({
        schedules,
        jobs: new Jobs({ db, outbox, states, schedules, clock }),
        events: new Events(bus, clock),
        testEvents: new TestEvents(bus, subscriptions, clock, logger),
      }),
      { service: 'scheduler', logger, health, internalKey: env.MORTISE_INTERNAL_KEY },
    );
    closers.add('bus', () => bus.close());
    closers.add('http', () => closeHttpApp(app));
    assertRoutesHandled(app, 'scheduler');
    app.connectMicroservice({ strategy: new BusStrategy(bus) });
    await app.startAllMicroservices();
    await partitions.start();
    await bus.start();
    await outbox.start();

    const loop = new ScheduleLoop(db, outbox, states, logger);
    closers.add('loop', () => loop.close());
    // A loop that does not know the installations yet would skip their ticks. Nobody waits for it here: in one process
    // the state is complete only when the last service has started.
    loop.start(() => Promise.all([states.plugins.caughtUp, follower.reconcile()]));
    return app;
  });
}
