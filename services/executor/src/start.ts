import { Bus, BusStrategy, type SharedParts } from '@mortise/bus';
import { Database, Outbox } from '@mortise/database';
import {
  buildHttpApp,
  closeHttpApp,
  Closers,
  createLogger,
  Health,
  metrics,
  newId,
  startTelemetry,
  systemClock,
  type RunningService,
} from '@mortise/service-kit';
import { build, type Ground, type Parts } from './build.js';
import { followState, takeControl } from './control/control.js';
import type { ExecutorEnv } from './env.js';
import { ExecutorModule } from './executor.module.js';
import { takeInteractive } from './interactive/commands.js';
import { startUpkeep } from './upkeep.js';

const drainMs = 25_000;
const runningNow = metrics.gauge('mortise_executions_running');
const workers = metrics.gauge('mortise_sandbox_workers');

/** Starts an executor; resolves when it takes commands and answers for its health. */
export async function start(env: ExecutorEnv, shared: SharedParts = {}): Promise<RunningService> {
  const clock = shared.clock ?? systemClock;
  const logger =
    shared.logger?.child({ service: 'executor' }) ??
    createLogger({ service: 'executor', level: env.LOG_LEVEL });
  const closers = new Closers();
  const close = () =>
    closers.closeAll((name, error) => logger.error({ err: error, name }, 'did not close cleanly'));
  try {
    closers.add('telemetry', await startTelemetry('executor', env, logger));
    const db = await Database.connect({
      url: env.DATABASE_URL,
      service: 'executor',
      poolSize: env.DATABASE_POOL_SIZE,
      logger,
    });
    closers.add('database', () => db.close());

    const instanceId = env.MORTISE_INSTANCE_ID ?? `executor-${newId()}`;
    const bus = Bus.create({
      service: 'executor',
      instanceId,
      env,
      logger,
      clock,
      requests: false,
      broker: shared.broker,
    });
    const outbox = new Outbox({ db, bus, logger, clock });
    bus.parkWith(outbox);
    const ground: Ground = { env, instanceId, bus, db, outbox, clock, logger };
    const parts = build(ground);
    const health = watch(ground, parts);
    closers.add('sandbox', () => parts.sandbox.close());
    await parts.sandbox.start();
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
    closers.add('readiness', () => health.drain());

    await app.listen(env.PORT, env.HOST);
    const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
    logger.info({ url, walls: parts.sandbox.stats().walls }, 'executor takes commands');
    return { name: 'executor', url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Subscribes to everything that makes this executor do something. */
function takeWork({ bus, env }: Ground, parts: Parts, closers: Closers): void {
  closers.add('state', followState(parts));
  takeControl(bus, parts);
  takeInteractive(bus, parts);
  parts.background.consume(bus, env.EXECUTOR_BACKGROUND_SLOTS + env.EXECUTOR_BACKGROUND_ROOM);
  // Closed before everything it needs: takes nothing new, what runs may end within the grace.
  closers.add('bus', () => bus.close(drainMs));
  closers.add('background', () => parts.background.close());
}

function watch({ db, bus }: Ground, { sandbox, running, store }: Parts): Health {
  const health = new Health();
  health.check('database', () => db.ping());
  health.check('packages', () => store.ping());
  health.check('bus', () => {
    const { ok, detail } = bus.ready();
    if (!ok) throw new Error(`not caught up: ${JSON.stringify(detail)}`);
  });
  health.detail('bus', () => bus.ready().detail);
  health.detail('walls', () => sandbox.stats().walls);
  health.detail('workers', () => sandbox.stats().workers.length);
  runningNow.watch((see) => see(running.size));
  workers.watch((see) => see(sandbox.stats().workers.length));
  return health;
}
