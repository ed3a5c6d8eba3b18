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
import { startKafka, startS3, type S3Server } from '@mortise/testing';
import { keep } from './kept.ts';
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
/** Processes that reach Kafka (`s3`: that are reached) through a proxy: where that listens, and where it leads to. */
const proxies = JSON.parse(process.env.CLUSTER_PROXIES ?? '{}') as Record<
  string,
  { port: number; behind: number }
>;
const listenerOf = (name: string) => `PROXY_${name.toUpperCase().replaceAll('-', '_')}`;
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

/** Settings of single services that whoever starts the cluster has set, as `EXECUTOR_WORKERS=4 make cluster-up`. */
const ownSettings = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      (setting): setting is [string, string] =>
        /^(GATEWAY|REGISTRY|EXECUTOR|SCHEDULER|OTEL)_/.test(setting[0]) && setting[1] !== undefined,
    ),
  );

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
  const brokers = proxies[name] ? { KAFKA_BROKERS: `127.0.0.1:${proxies[name].port}` } : {};
  // What a fault run loads before each service, so that its clock can jump.
  const preload = process.env.CLUSTER_PRELOAD
    ? ['--import', `${process.env.CLUSTER_PRELOAD}&name=${name}`]
    : [];
  const service = new ServiceProcess({
    name,
    args: [...node, ...preload, `services/${kind}/dist/main.js`],
    env: { ...settingsOf(kind, env), ...brokers, MORTISE_INSTANCE_ID: name },
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
  const start = async () => {
    const ended = Promise.withResolvers<void>();
    const server: EmbeddedPostgres = await startEmbeddedPostgres({
      dataDir,
      onUnexpectedExit: (error) => {
        console.error(error.message);
        ended.resolve();
      },
    });
    const close = () => server.close().finally(ended.resolve);
    return { ...server, exited: ended.promise, close };
  };
  const { first, close } = await keep('postgres', start, async ({ url }) => {
    if (state.databaseUrl && state.databaseUrl !== url)
      throw new Error('PostgreSQL came back at another address');
    state.pids.postgres = Number.parseInt(await readFile(join(dataDir, 'postmaster.pid'), 'utf8'), 10);
    await save({ databaseUrl: url });
  });
  closers.push(close);
  return first.url;
}

async function kafka(): Promise<string> {
  const proxied = Object.entries(proxies)
    .filter(([name]) => name !== 's3')
    .map(([name, ports]) => ({ name: listenerOf(name), ...ports }));
  const [port, controllerPort] = await Promise.all([freePort(), freePort()]);
  const start = () => startKafka({ dir: join(folder, 'kafka'), port, controllerPort, proxied });
  const { first, close } = await keep('kafka', start, ({ pid }) => {
    state.pids.kafka = pid;
    return save({});
  });
  closers.push(close);
  return first.brokers;
}

async function s3(): Promise<S3Server> {
  const port = proxies.s3?.behind ?? (await freePort());
  const start = () => startS3({ dir: join(folder, 's3'), port });
  const { first, close } = await keep('s3', start, ({ pid }) => {
    state.pids.s3 = pid;
    return save({});
  });
  closers.push(close);
  return proxies.s3 ? { ...first, endpoint: `http://127.0.0.1:${proxies.s3.port}` } : first;
}

async function up(): Promise<void> {
  await mkdir(join(folder, 'logs'), { recursive: true });
  await save({});
  const [brokers, store, databaseUrl] = await Promise.all([kafka(), s3(), postgres()]);
  const operator: Record<string, string> = {
    BUS: 'kafka',
    KAFKA_BROKERS: brokers,
    KAFKA_PARTITION_SCALE: '25',
    DATABASE_URL: databaseUrl,
  };
  const shared: Record<string, string> = {
    ...operator,
    STORAGE: 's3',
    S3_ENDPOINT: store.endpoint,
    S3_BUCKET: 'packages',
    S3_ACCESS_KEY: store.accessKey,
    S3_SECRET_KEY: store.secretKey,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
    METRICS_PORT: '0',
    MORTISE_INTERNAL_KEY: randomBytes(32).toString('hex'),
    MORTISE_MASTER_KEY: randomBytes(32).toString('hex'),
    ...ownSettings(),
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
    PORT: String(port || (await freePort())),
    REGISTRY_URL,
    SCHEDULER_URL,
  });
  await save({ status: 'ready', url, adminKey, kafka: brokers, operator });
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
