// Owns a whole local cluster: Kafka, S3, PostgreSQL and the services as processes of their own. One process to stop;
// what it started stops with it. Started by up.ts and by the end-to-end suite, with the state folder as argument.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@mortise/database';
import { executorEnv } from '@mortise/executor';
import { gatewayEnv } from '@mortise/gateway';
import { registryEnv } from '@mortise/registry';
import { schedulerEnv } from '@mortise/scheduler';
import { startKafka, startS3 } from '@mortise/testing';
import { ServiceProcess } from './service-process.ts';

export interface ClusterState {
  status: 'starting' | 'ready' | 'failed';
  pid: number;
  url?: string;
  adminKey?: string;
  error?: string;
  /** Pids by process name: one that ended and was started again has a new one once it is ready. */
  pids: Record<string, number>;
  services: Record<string, string>;
  kafka?: string;
  databaseUrl?: string;
  /** Settings for commands of the operator. */
  operator?: Record<string, string>;
}

const folder = resolve(process.argv[2] ?? '.cluster');
const port = Number(process.argv[3] ?? 0);
const node = ['--no-node-snapshot'];
const closers: (() => Promise<void>)[] = [];
const state: ClusterState = { status: 'starting', pid: process.pid, pids: {}, services: {} };

let saving = Promise.resolve();
/** Renamed into place, one after another: a reader never sees half a file. */
function save(change: Partial<ClusterState>): Promise<void> {
  saving = saving.then(async () => {
    Object.assign(state, change);
    await writeFile(join(folder, 'state.tmp'), JSON.stringify(state, null, 2), { mode: 0o600 });
    await rename(join(folder, 'state.tmp'), join(folder, 'state.json'));
  });
  return saving;
}

const specs = { gateway: gatewayEnv, registry: registryEnv, scheduler: schedulerEnv, executor: executorEnv };

/** A service refuses settings it does not know: each gets its own. */
const settingsOf = (kind: keyof typeof specs, env: Record<string, string>) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => name in specs[kind].fields));

const freePort = () =>
  new Promise<number>((found, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? found(address.port) : failed(new Error('no port')),
      );
    });
  });

const exited = (child: ChildProcess) =>
  new Promise<number>((done) => child.once('exit', (code) => done(code ?? 1)));

async function admin(env: Record<string, string>, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [...node, 'apps/standalone/dist/admin.js', ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  if ((await exited(child)) !== 0) throw new Error(`admin ${args.join(' ')}: ${output.trim()}`);
  return output.trim();
}

async function service(name: string, kind: keyof typeof specs, env: Record<string, string>): Promise<string> {
  const url = `http://127.0.0.1:${env.PORT}`;
  const service = new ServiceProcess({
    name,
    args: [...node, `services/${kind}/dist/main.js`],
    env: { ...settingsOf(kind, env), MORTISE_INSTANCE_ID: name },
    url,
    logFile: join(folder, 'logs', `${name}.log`),
    onReady: (pid) => {
      state.services[name] = url;
      state.pids[name] = pid;
      return save({});
    },
  });
  closers.push(() => service.close());
  await service.start();
  return url;
}

/** PostgreSQL in the cluster's folder, at the same address again when it ends unasked. */
async function postgres(): Promise<string> {
  const dataDir = join(folder, 'postgres');
  let current: EmbeddedPostgres;
  const start = async () => {
    current = await startEmbeddedPostgres({
      dataDir,
      onUnexpectedExit: (error) => {
        console.error(error.message);
        if (!stopping) restarting = restart().catch((failure: unknown) => console.error(failure));
      },
    });
    state.pids.postgres = Number.parseInt(await readFile(join(dataDir, 'postmaster.pid'), 'utf8'), 10);
    return current.url;
  };
  const restart = async () => {
    await current.close();
    const before = current.url;
    if ((await start()) !== before) throw new Error('PostgreSQL came back at another address');
    await save({});
  };
  let restarting: Promise<void> | undefined;
  const url = await start();
  closers.push(async () => {
    await restarting;
    await current.close();
  });
  return url;
}

async function up(): Promise<void> {
  await mkdir(join(folder, 'logs'), { recursive: true });
  await save({});
  const [kafka, s3, databaseUrl] = await Promise.all([
    startKafka({ dir: join(folder, 'kafka') }),
    startS3({ dir: join(folder, 's3') }),
    postgres(),
  ]);
  closers.push(
    () => kafka.close(),
    () => s3.close(),
  );
  if (kafka.pid) state.pids.kafka = kafka.pid;
  const operator: Record<string, string> = {
    BUS: 'kafka',
    KAFKA_BROKERS: kafka.brokers,
    KAFKA_PARTITION_SCALE: '25',
    DATABASE_URL: databaseUrl,
  };
  const shared: Record<string, string> = {
    ...operator,
    STORAGE: 's3',
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET: 'packages',
    S3_ACCESS_KEY: s3.accessKey,
    S3_SECRET_KEY: s3.secretKey,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
    METRICS_PORT: '0',
    MORTISE_INTERNAL_KEY: randomBytes(32).toString('hex'),
    MORTISE_MASTER_KEY: randomBytes(32).toString('hex'),
    ...(process.env.EXECUTOR_LEASE_MS ? { EXECUTOR_LEASE_MS: process.env.EXECUTOR_LEASE_MS } : {}),
  };
  await admin(shared, 'migrate', 'up');
  await admin(shared, 'topics', 'create');
  await admin(shared, 'topics', 'seed');
  const adminKey = await admin(shared, 'key', 'create');
  const [registryPort, schedulerPort, firstPort, secondPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const REGISTRY_URL = `http://127.0.0.1:${registryPort}`;
  const SCHEDULER_URL = `http://127.0.0.1:${schedulerPort}`;
  await Promise.all([
    service('registry-0', 'registry', { ...shared, PORT: String(registryPort) }),
    service('scheduler-0', 'scheduler', { ...shared, PORT: String(schedulerPort), REGISTRY_URL }),
    service('executor-0', 'executor', { ...shared, PORT: String(firstPort), REGISTRY_URL }),
    service('executor-1', 'executor', { ...shared, PORT: String(secondPort), REGISTRY_URL }),
  ]);
  const url = await service('gateway-0', 'gateway', {
    ...shared,
    ...(process.env.OTEL_EXPORTER_OTLP_ENDPOINT
      ? { OTEL_EXPORTER_OTLP_ENDPOINT: process.env.OTEL_EXPORTER_OTLP_ENDPOINT }
      : {}),
    PORT: String(port || (await freePort())),
    REGISTRY_URL,
    SCHEDULER_URL,
  });
  await save({ status: 'ready', url, adminKey, kafka: kafka.brokers, databaseUrl, operator });
}

let stopping: Promise<void> | undefined;
const down = () =>
  (stopping ??= (async () => {
    for (const close of closers.reverse()) await close().catch((error: unknown) => console.error(error));
  })());

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => void down().then(() => process.exit(0)));

try {
  await up();
} catch (error) {
  await save({ status: 'failed', error: error instanceof Error ? error.message : String(error) });
  await down();
  process.exit(1);
}
