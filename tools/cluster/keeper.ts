// Owns a whole local cluster: Kafka, S3, PostgreSQL and the services as processes of their own. One process to stop;
// what it started stops with it. Started by up.ts and by the end-to-end suite, with the state folder as argument.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { startEmbeddedPostgres } from '@mortise/database';
import { executorEnv } from '@mortise/executor';
import { gatewayEnv } from '@mortise/gateway';
import { registryEnv } from '@mortise/registry';
import { schedulerEnv } from '@mortise/scheduler';
import { startKafka, startS3 } from '@mortise/testing';

export interface ClusterState {
  status: 'starting' | 'ready' | 'failed';
  pid: number;
  url?: string;
  adminKey?: string;
  error?: string;
  /** Pids by process name, for fault tests. */
  pids: Record<string, number>;
  services: Record<string, string>;
  kafka?: string;
  databaseUrl?: string;
}

const folder = resolve(process.argv[2] ?? '.cluster');
const port = Number(process.argv[3] ?? 0);
const node = ['--no-node-snapshot'];
const closers: (() => Promise<void>)[] = [];
const state: ClusterState = { status: 'starting', pid: process.pid, pids: {}, services: {} };

/** Renamed into place: a reader never sees half a file. */
async function save(change: Partial<ClusterState>): Promise<void> {
  Object.assign(state, change);
  await writeFile(join(folder, 'state.tmp'), JSON.stringify(state, null, 2), { mode: 0o600 });
  await rename(join(folder, 'state.tmp'), join(folder, 'state.json'));
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

function run(name: string, script: string, args: string[], env: Record<string, string>): ChildProcess {
  const log = createWriteStream(join(folder, 'logs', `${name}.log`), { flags: 'a' });
  const child = spawn(process.execPath, [...node, script, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  return child;
}

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
  const child = run(name, `services/${kind}/dist/main.js`, [], {
    ...settingsOf(kind, env),
    MORTISE_INSTANCE_ID: name,
  });
  if (child.pid) state.pids[name] = child.pid;
  state.services[name] = url;
  closers.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = exited(child);
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(hard);
  });
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`${name} ended at its start: see ${join(folder, 'logs', `${name}.log`)}`);
    const ready = await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) return url;
    if (Date.now() > deadline)
      throw new Error(`${name} was not ready within 60 s: see ${join(folder, 'logs', `${name}.log`)}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

async function up(): Promise<void> {
  await mkdir(join(folder, 'logs'), { recursive: true });
  await save({});
  const [kafka, s3, postgres] = await Promise.all([
    startKafka({ dir: join(folder, 'kafka') }),
    startS3({ dir: join(folder, 's3') }),
    startEmbeddedPostgres({ dataDir: join(folder, 'postgres') }),
  ]);
  closers.push(
    () => kafka.close(),
    () => s3.close(),
    () => postgres.close(),
  );
  if (kafka.pid) state.pids.kafka = kafka.pid;
  const shared: Record<string, string> = {
    BUS: 'kafka',
    KAFKA_BROKERS: kafka.brokers,
    KAFKA_PARTITION_SCALE: '25',
    STORAGE: 's3',
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET: 'packages',
    S3_ACCESS_KEY: s3.accessKey,
    S3_SECRET_KEY: s3.secretKey,
    DATABASE_URL: postgres.url,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
    METRICS_PORT: '0',
    MORTISE_INTERNAL_KEY: randomBytes(32).toString('hex'),
    MORTISE_MASTER_KEY: randomBytes(32).toString('hex'),
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
  await save({ status: 'ready', url, adminKey, kafka: kafka.brokers, databaseUrl: postgres.url });
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
