import { tmpdir } from 'node:os';
import multipart from '@fastify/multipart';
import { Bus, type SharedParts } from '@mortise/bus';
import { InstallationState, PluginState, TenantState } from '@mortise/contracts';
import { Database, Outbox, Partitions } from '@mortise/database';
import {
  assertRoutesHandled,
  buildHttpApp,
  closeHttpApp,
  startService,
  type RunningService,
} from '@mortise/service-kit';
import { createStore } from '@mortise/storage';
import { entities } from './entities.js';
import type { RegistryEnv } from './env.js';
import { LiveTail } from './logs/live-tail.js';
import { LogFeed } from './logs/log-feed.js';
import { attachDeadLetters } from './dead-letters/dead-letter-projection.js';
import { CrashBudget } from './quarantine/crash-budget.js';
import { Integrity } from './quarantine/integrity.js';
import { InstallationChanges } from './installations/installation-changes.js';
import { QuarantineService } from './quarantine/quarantine.service.js';
import { actOnViolations } from './quarantine/violations.js';
import { attachProjections } from './projections/projections.js';
import { RegistryModule } from './registry.module.js';
import { TenantRetention } from './retention/tenant-retention.js';
import { Vault } from './secrets/vault.js';
import { installationStates } from './state/installation-states.js';
import { pluginStates } from './state/plugin-state.js';
import { Packages } from './uploads/packages.js';
import { Spool } from './uploads/spool.js';
import { TenantNames } from './uploads/tenant-names.js';

/** As long as their topics keep them. */
const deadLettersKeepDays = 30;

/** Starts the registry's internal HTTP on PORT; resolves when it answers. */
export function start(env: RegistryEnv, shared: SharedParts = {}): Promise<RunningService> {
  return startService('registry', env, shared, async ({ instanceId, clock, logger, health, closers }) => {
    const db = await Database.connect({
      url: env.DATABASE_URL,
      service: 'registry',
      entities,
      poolSize: env.DATABASE_POOL_SIZE,
      logger,
    });
    closers.add('database', () => db.close());
    health.check('database', () => db.ping());
    const store = createStore(env);
    health.check('package store', () => store.ping());

    const { broker } = shared;
    const bus = Bus.create({ service: 'registry', instanceId, env, logger, clock, broker });
    closers.add('bus', () => bus.close());
    bus.provideSnapshot(InstallationState, () => installationStates(db));
    bus.provideSnapshot(PluginState, () => pluginStates((fn) => db.system(fn)));
    const tenants = bus.state(TenantState);
    const tenantNames = new TenantNames(tenants);
    const feed = new LogFeed();
    attachProjections(bus, db, feed);
    health.follow('bus', () => bus.ready());
    const outbox = new Outbox({ db, bus, logger, clock });
    bus.parkWith(outbox);
    attachDeadLetters(bus, db, outbox);
    const quarantines = new QuarantineService(db, outbox, bus);
    const crashBudget = new CrashBudget({
      db,
      changes: new InstallationChanges(db, outbox),
      quarantines,
      budget: {
        kills: env.CRASH_BUDGET_KILLS,
        minutes: env.CRASH_BUDGET_MINUTES,
        tenants: env.CRASH_BUDGET_TENANTS,
      },
    });
    actOnViolations(bus, crashBudget, new Integrity(db, quarantines));
    closers.add('outbox', () => outbox.close());
    const partitions = new Partitions({
      db,
      logger,
      tables: [
        { table: 'executions', grain: 'week', ahead: 4, keepDays: env.EXECUTIONS_KEEP_DAYS },
        { table: 'dead_letters', grain: 'week', ahead: 4, keepDays: deadLettersKeepDays },
        { table: 'logs', grain: 'day', ahead: 7, keepDays: env.LOGS_KEEP_DAYS },
      ],
    });
    closers.add('partitions', () => partitions.close());

    const retention = new TenantRetention({
      db,
      tenants,
      executionsKeepDays: env.EXECUTIONS_KEEP_DAYS,
      logsKeepDays: env.LOGS_KEEP_DAYS,
      clock,
      logger,
    });
    closers.add('retention', () => retention.close());

    const spool = new Spool(env.REGISTRY_SPOOL_DIR ?? tmpdir());
    const packages = new Packages(store);
    const app = await buildHttpApp(
      RegistryModule.of({
        db,
        bus,
        outbox,
        spool,
        packages,
        tenantNames,
        feed,
        vault: new Vault(env.MORTISE_MASTER_KEY),
      }),
      {
        service: 'registry',
        logger,
        health,
        internalKey: env.MORTISE_INTERNAL_KEY,
      },
    );
    await app.register(multipart as never);
    closers.add('http', () => closeHttpApp(app));
    closers.add('live tails', () => app.get(LiveTail).close());
    health.detail('live tails', () => app.get(LiveTail).size);
    await app.init();
    assertRoutesHandled(app, 'registry');

    await Promise.all([spool.sweep(), packages.sweep(), partitions.start()]);
    await bus.start();
    await outbox.start();
    retention.start();
    return app;
  });
}
