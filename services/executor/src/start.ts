import { Bus, BusStrategy, type SharedParts } from '@mortise/bus';
import { Database, Outbox } from '@mortise/database';
import {
  buildHttpApp,
  closeHttpApp,
  metrics,
  startService,
  type Closers,
  type Health,
  type RunningService,
} from '@mortise/service-kit';
import { build, type Ground, type Parts } from './build.js';
import { followState, takeControl } from './control/control.js';
import type { ExecutorEnv } from './env.js';
import { ExecutorModule } from './executor.module.js';
import { takeInteractive } from './interactive/commands.js';
import { showSandbox } from './sandbox/sandbox-metrics.js';
import { startUpkeep } from './upkeep.js';

const drainMs = 25_000;
const runningNow = metrics.gauge('mortise_executions_running');

/** Starts an executor; resolves when it takes commands and answers for its health. */
export function start(env: ExecutorEnv, shared: SharedParts = {}): Promise<RunningService> {
  return startService('executor', env, shared, async ({ instanceId, clock, logger, health, closers }) => {
    const db = await Database.connect({
      url: env.DATABASE_URL,
      service: 'executor',
      poolSize: env.DATABASE_POOL_SIZE,
      logger,
    });
    closers.add('database', () => db.close());

    const bus = Bus.create({
      service: 'executor',
      instanceId,
      env,
      logger,
      clock,
      broker: shared.broker,
    });
    const outbox = new Outbox({ db, bus, logger, clock });
    bus.parkWith(outbox);
    const ground: Ground = { env, instanceId, bus, db, outbox, clock, logger };
    const parts = build(ground);
    watch(health, ground, parts);
    closers.add('egress', () => parts.egress.close());
    closers.add('sandbox', () => parts.sandbox.close());
    await parts.sandbox.start();
    closers.add('sandbox metrics', showSandbox(parts.sandbox));
    closers.add('tenant cpu', parts.tenantCpu.show());
    closers.add('outbox', () => outbox.close());

    closers.add('leases', () => parts.leases.close());
    const app = await buildHttpApp(ExecutorModule.of(parts.storageLife), {
      service: 'executor',
      logger,
      health,
      internalKey: env.MORTISE_INTERNAL_KEY,
    });
    closers.add('http', () => closeHttpApp(app));
    app.connectMicroservice({ strategy: new BusStrategy(bus) });
    await app.startAllMicroservices();
    takeWork(ground, parts, closers);
    await bus.start();
    await outbox.start();
    parts.leases.start();
    parts.storageLife.start();
    closers.add('storage sweep', () => parts.storageLife.close());
    closers.add('upkeep', startUpkeep(parts.runs, logger));
    logger.info({ walls: parts.sandbox.stats().walls }, 'executor takes commands');
    return app;
  });
}

/** Subscribes to everything that makes this executor do something. */
function takeWork({ bus, env }: Ground, parts: Parts, closers: Closers): void {
  closers.add('state', followState(parts));
  parts.prewarm.start();
  closers.add('prewarm', () => parts.prewarm.close());
  takeControl(bus, parts);
  takeInteractive(bus, parts);
  parts.background.consume(bus, env.EXECUTOR_BACKGROUND_SLOTS + env.EXECUTOR_BACKGROUND_ROOM);
  // Closed before everything it needs: takes nothing new, what runs may end within the grace.
  closers.add('bus', () => bus.close(drainMs));
  closers.add('background', () => parts.background.close());
}

function watch(health: Health, { db, bus }: Ground, { sandbox, running, store }: Parts): void {
  health.check('database', () => db.ping());
  health.check('packages', () => store.ping());
  health.follow('bus', () => bus.ready());
  health.detail('walls', () => sandbox.stats().walls);
  health.detail('workers', () => sandbox.stats().workers.length);
  runningNow.watch((see) => see(running.size));
}
