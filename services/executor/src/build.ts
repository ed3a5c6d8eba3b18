import { tmpdir } from 'node:os';
import { type Bus, openStates } from '@mortise/bus';
import { CapabilityHost, ChainBudget } from '@mortise/capabilities';
import type { Database, Outbox } from '@mortise/database';
import { newId, type Clock, type Logger } from '@mortise/service-kit';
import { createStore } from '@mortise/storage';
import { Background } from './background/background.js';
import { Deferrals } from './background/deferrals.js';
import { Finisher } from './background/finisher.js';
import { Leases } from './background/leases.js';
import { Runs } from './background/runs.js';
import { Installed } from './calls/installed.js';
import { BusPluginCalls } from './calls/plugin-calls.js';
import { PostgresCache } from './cache/postgres-cache.js';
import { Cancels } from './cancel/cancels.js';
import { openEgress } from './egress/egress.js';
import type { ExecutorEnv } from './env.js';
import { PluginEvents } from './events/plugin-events.js';
import { InputCheck } from './executions/input-check.js';
import { Reporter } from './executions/reporter.js';
import { Runner } from './executions/runner.js';
import { Running } from './executions/running.js';
import { Inspections } from './inspect/inspections.js';
import { Interactive } from './interactive/interactive.js';
import { CpuShare } from './lanes/cpu-share.js';
import { Lanes } from './lanes/lanes.js';
import { Pace } from './lanes/pace.js';
import { paceGround } from './lanes/pace-ground.js';
import { Prewarm } from './packages/prewarm.js';
import { SourceMaps } from './packages/source-maps.js';
import { Sources } from './packages/sources.js';
import { openSandbox } from './sandbox/open-sandbox.js';
import { executorState } from './sandbox/state.js';
import { TenantCpu } from './sandbox/tenant-cpu.js';
import { SecretCache } from './secrets/secret-cache.js';
import { PostgresStorage } from './storage/postgres-storage.js';
import { StorageLife } from './storage/storage-life.js';

export interface Ground {
  env: ExecutorEnv;
  instanceId: string;
  bus: Bus;
  db: Database;
  outbox: Outbox;
  clock: Clock;
  logger: Logger;
}

/** Puts the executor's parts together; nothing runs yet. */
export function build({ env, instanceId, bus, db, outbox, clock, logger }: Ground) {
  const states = openStates(bus);
  const store = createStore(env);
  const sources = new Sources(store, tmpdir());
  const sandbox = openSandbox(env, clock, logger);
  const tenantCpu = new TenantCpu(clock);
  const running = new Running((executionId, reason) => sandbox.kill(executionId, reason));
  const reporter = new Reporter(bus);
  const secrets = new SecretCache(env.REGISTRY_URL, env.MORTISE_INTERNAL_KEY);
  const storage = new PostgresStorage(db, clock);
  const cache = new PostgresCache(db, clock);
  const egress = openEgress(env, clock);
  const host = new CapabilityHost({
    storage,
    secrets,
    cache,
    egress,
    events: new PluginEvents(reporter, clock),
    chains: new ChainBudget(),
    plugins: new BusPluginCalls({
      bus,
      installed: new Installed(states.installations),
      running,
      clock,
      logger,
    }),
    clock,
  });
  const inputs = new InputCheck();
  const lanes = new Lanes({
    interactiveSlots: env.EXECUTOR_INTERACTIVE_SLOTS,
    backgroundSlots: env.EXECUTOR_BACKGROUND_SLOTS,
    backgroundRoom: env.EXECUTOR_BACKGROUND_ROOM,
    tenantPercent: env.EXECUTOR_TENANT_PERCENT,
  });
  const cpuShare = new CpuShare(clock);
  const pace = new Pace(paceGround());
  const runner = new Runner({
    sandbox,
    host,
    secrets,
    sources,
    maps: new SourceMaps(clock),
    states,
    running,
    reporter,
    clock,
    logger,
    cordon: env.EXECUTOR_CORDON,
    tenantCpu,
  });
  // A new name each start: after a crash the leases of the one before are not ours.
  const runs = new Runs(db, `${instanceId}/${newId()}`, env.EXECUTOR_LEASE_MS);
  const leases = new Leases(runs, running, env.EXECUTOR_LEASE_MS, logger);
  const finisher = new Finisher(db, runs, outbox);
  return {
    states,
    store,
    sandbox,
    running,
    secrets,
    egress,
    tenantCpu,
    report: () =>
      executorState({ instance: instanceId, cordon: env.EXECUTOR_CORDON, sandbox, lanes, tenantCpu, clock }),
    prewarm: new Prewarm({
      sources,
      sandbox,
      installations: states.installations,
      cordon: env.EXECUTOR_CORDON,
      atATime: env.EXECUTOR_PREWARM,
      logger,
    }),
    runs,
    leases,
    storageLife: new StorageLife(db, storage, cache, states, clock, logger),
    interactive: new Interactive({
      bus,
      states,
      inputs,
      lanes,
      cpuShare,
      pace,
      runner,
      running,
      reporter,
      clock,
      logger,
    }),
    background: new Background({
      states,
      inputs,
      lanes,
      cpuShare,
      pace,
      deferrals: new Deferrals(db, outbox, clock),
      runner,
      reporter,
      runs,
      finisher,
      leases,
      clock,
      logger,
    }),
    cancels: new Cancels({ bus, runs, running, reporter, clock }),
    inspections: new Inspections({ bus, sources, sandbox, clock }),
  };
}
export type Parts = ReturnType<typeof build>;
