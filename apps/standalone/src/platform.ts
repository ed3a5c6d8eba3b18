import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { MemoryBroker } from '@mortise/bus';
import { serviceNames } from '@mortise/contracts';
import { migrate, startEmbeddedPostgres } from '@mortise/database';
import { executorEnv, start as startExecutor } from '@mortise/executor';
import { gatewayEnv, start as startGateway } from '@mortise/gateway';
import { registryEnv, start as startRegistry } from '@mortise/registry';
import { schedulerEnv, start as startScheduler } from '@mortise/scheduler';
import { Closers, loadEnv, type Logger, type RunningService } from '@mortise/service-kit';
import { firstKey } from './admin/first-key.js';
import { migrations } from './admin/migrations.js';
import type { DataDir } from './data-dir.js';
import { standaloneEnv, type StandaloneEnv } from './env.js';

const readyWithinMs = 60_000;

export interface Platform {
  url: string;
  /** The first key, only at the start that made it. */
  newKey: string | undefined;
  close(): Promise<void>;
}

/** Every setting of any service: a name that one of them knows is not a spelling mistake of another. */
const known = new Set(
  [standaloneEnv, registryEnv, schedulerEnv, executorEnv, gatewayEnv].flatMap((spec) =>
    Object.keys(spec.fields),
  ),
);

/**
 * The whole platform in this process: PostgreSQL beside it, one memory broker, and the four services as they run on a
 * cluster. Nothing but the broker is shared.
 * @param onLost told when the embedded PostgreSQL has ended by itself: nothing works from then on
 */
export async function startPlatform(
  env: StandaloneEnv,
  dataDir: DataDir,
  logger: Logger,
  source: Record<string, string | undefined>,
  onLost: (error: Error) => void,
): Promise<Platform> {
  const closers = new Closers();
  const closeAll = () =>
    closers.closeAll((name, error) => logger.error({ err: error }, `${name} did not close`));
  try {
    const databaseUrl = env.DATABASE_URL ?? (await embedded(dataDir, logger, closers, onLost));
    await migrate(databaseUrl, migrations, logger);
    const operatorsOwn = env.MORTISE_MODE === 'production' && env.DATABASE_URL !== undefined;
    const newKey = operatorsOwn ? undefined : await firstKey(databaseUrl, dataDir.at('admin-key'), logger);
    await mkdir(dataDir.at('packages'), { recursive: true });
    const settings = { ...source, ...(await sharedSettings(env, dataDir, databaseUrl)) };
    const shared = { broker: new MemoryBroker({ services: serviceNames }), logger };
    const urls: string[] = [];
    const run = async (starting: Promise<RunningService>) => {
      const service = await starting;
      closers.add(service.name, () => service.close());
      urls.push(service.url);
      return service.url;
    };

    const REGISTRY_URL = await run(
      startRegistry(loadEnv(registryEnv, { ...settings, PORT: '0' }, known), shared),
    );
    const [SCHEDULER_URL] = await Promise.all([
      run(startScheduler(loadEnv(schedulerEnv, { ...settings, PORT: '0', REGISTRY_URL }, known), shared)),
      run(startExecutor(loadEnv(executorEnv, { ...settings, PORT: '0', REGISTRY_URL }, known), shared)),
    ]);
    const edge = { ...settings, HOST: env.HOST, PORT: String(env.PORT), REGISTRY_URL, SCHEDULER_URL };
    const url = await run(startGateway(loadEnv(gatewayEnv, edge, known), shared));
    await allReady(urls);
    return { url, newKey, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** State tables are complete only after the last service has subscribed. */
async function allReady(urls: readonly string[]): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  for (const url of urls) {
    while (!(await fetch(`${url}/readyz`).then(({ ok }) => ok))) {
      if (Date.now() > deadline)
        throw new Error(
          `Mortise did not get ready within ${readyWithinMs / 1_000} s: see the log in the data folder`,
        );
      await delay(10);
    }
  }
}

async function embedded(
  dataDir: DataDir,
  logger: Logger,
  closers: Closers,
  onLost: (error: Error) => void,
): Promise<string> {
  const postgres = await startEmbeddedPostgres({
    dataDir: dataDir.at('postgres'),
    // Its errors of single statements are told by whoever sent them.
    log: (line) => logger[/FATAL|PANIC/.test(line) ? 'error' : 'debug']({ line }, 'postgres'),
    onUnexpectedExit: onLost,
  });
  closers.add('postgres', () => postgres.close());
  return postgres.url;
}

const sharedSettings = async (
  env: StandaloneEnv,
  dataDir: DataDir,
  databaseUrl: string,
): Promise<Record<string, string>> => ({
  BUS: 'memory',
  STORAGE: 'fs',
  STORAGE_DIR: dataDir.at('packages'),
  DATABASE_URL: databaseUrl,
  HOST: '127.0.0.1',
  LOG_LEVEL: env.LOG_LEVEL,
  METRICS_PORT: String(env.METRICS_PORT),
  MORTISE_MODE: env.MORTISE_MODE,
  MORTISE_INTERNAL_KEY: await dataDir.secret('internal-key'),
  MORTISE_MASTER_KEY: await dataDir.secret('master-key'),
});
