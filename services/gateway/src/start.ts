import { Bus, type SharedParts } from '@mortise/bus';
import { Database, Outbox } from '@mortise/database';
import { closeHttpApp, startService, type RunningService } from '@mortise/service-kit';
import { attachBus } from './attach-bus.js';
import { Credentials } from './credentials/credentials.js';
import { buildServer } from './edge/server.js';
import { entities } from './entities.js';
import type { GatewayEnv } from './env.js';
import { Executions } from './execute/executions.js';
import { NoAnswer } from './execute/no-answer.js';
import { Targets } from './execute/targets.js';
import { GatewayModule } from './gateway.module.js';
import { Forwarder } from './proxy/forwarder.js';
import { Owners } from './proxy/owners.js';

/** Starts the HTTP edge on PORT; resolves when it answers. */
export function start(env: GatewayEnv, shared: SharedParts = {}): Promise<RunningService> {
  return startService('gateway', env, shared, async ({ instanceId, clock, logger, health, closers }) => {
    const db = await Database.connect({
      url: env.DATABASE_URL,
      service: 'gateway',
      entities,
      poolSize: env.DATABASE_POOL_SIZE,
      logger,
    });
    closers.add('database', () => db.close());
    health.check('database', () => db.ping());
    const credentials = new Credentials(db, clock, logger);

    const bus: Bus = Bus.create({
      service: 'gateway',
      instanceId,
      env,
      logger,
      clock,
      parking: { park: (parked) => outbox.park(parked) },
      ...(shared.broker && { broker: shared.broker }),
    });
    closers.add('bus', () => bus.close());
    const { installations, plugins } = attachBus(bus, db, credentials, health);
    const outbox = new Outbox({ db, bus, logger, clock });
    closers.add('outbox', () => outbox.close());

    const owners = new Owners({ registry: env.REGISTRY_URL, scheduler: env.SCHEDULER_URL });
    closers.add('connections', () => owners.close());
    const internalKey = env.MORTISE_INTERNAL_KEY;
    const forwarder = new Forwarder({ owners, internalKey, installations, clock, logger });
    const noAnswer = new NoAnswer(bus, clock, logger);
    closers.add('timeouts', () => noAnswer.settled());
    const targets = new Targets(installations, plugins);
    const executions = new Executions(bus, targets, noAnswer, clock);

    const module = GatewayModule.of({ db, bus, outbox, credentials, clock, logger });
    const app = await buildServer(module, { credentials, targets, executions, forwarder, health, logger });
    closers.add('http', () => closeHttpApp(app));
    closers.add('live answers', () => forwarder.endLiveAnswers());
    await bus.start();
    await outbox.start();
    return app;
  });
}
