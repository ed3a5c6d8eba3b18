import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { kafkaLibs } from './kafka-libs.js';
import { makeCertificate, scramUser, securedSettings, type KafkaUser } from './kafka-secured.js';
import { until } from './until.js';

const run = promisify(execFile);
const jvm = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const graceMs = 10_000;

/** A real Kafka, one broker. */
export interface KafkaServer {
  /** `host:port` for KAFKA_BROKERS. */
  brokers: string;
  pid: number;
  port: number;
  controllerPort: number;
  /** The listener for TLS with a login, when it was asked for, and the certificate to trust. */
  secured?: { brokers: string; caFile: string };
  /** What the broker says. */
  logFile: string;
  /** Resolves when it has ended, asked or not. */
  exited: Promise<void>;
  close(): Promise<void>;
}

/** A listener of its own that the broker says can be reached at the port of a proxy. */
export interface ProxiedListener {
  name: string;
  /** Of the proxy: what the broker tells its clients. */
  port: number;
  /** Of the broker: where the proxy leads to. */
  behind: number;
}

export interface KafkaOptions {
  /** Where its data lives; a folder that was used before goes on. Default: a temporary one, removed by `close`. */
  dir?: string;
  port?: number;
  controllerPort?: number;
  /** Outlives the process that started it: whoever has the pid stops it. */
  detached?: boolean;
  proxied?: ProxiedListener[];
  /** Serves TLS with a login too. */
  user?: KafkaUser;
}

/** Starts Kafka 4.3.1 and returns when it really serves: a topic made, a record written and read by a group. */
export async function startKafka(o: KafkaOptions = {}): Promise<KafkaServer> {
  const libs = await kafkaLibs();
  const dir = o.dir ?? (await mkdtemp(join(tmpdir(), `mortise-kafka-${process.pid}-`)));
  await mkdir(dir, { recursive: true });
  const port = o.port ?? (await freePort());
  const controllerPort = o.controllerPort ?? (await freePort());
  const settings = join(dir, 'server.properties');
  const logSettings = join(dir, 'log4j2.yaml');
  const secured = o.user && { port: await freePort(), caFile: await makeCertificate(dir), user: o.user };
  await writeFile(
    settings,
    properties(dir, port, controllerPort, listenersOf(o, secured?.port)) +
      (o.user ? securedSettings(dir, o.user) : ''),
  );
  await writeFile(logSettings, logging);
  const java = [
    ...jvm,
    `-Dkafka.logs.dir=${dir}`,
    `-Dlog4j2.configurationFile=${logSettings}`,
    '-cp',
    `${libs}/*`,
  ];
  // Joined to its option: one id in 64 begins with a dash.
  const id = `--cluster-id=${randomBytes(16).toString('base64url')}`;
  const format = [
    'kafka.tools.StorageTool',
    'format',
    '--standalone',
    id,
    '-c',
    settings,
    ...(o.user ? scramUser(o.user) : []),
  ];
  // A folder that was used before keeps its cluster's id, and its data.
  if (!existsSync(join(dir, 'data', 'meta.properties'))) await run('java', [...java, ...format]);
  const logFile = join(dir, 'kafka.log');
  const log = openSync(logFile, 'a');
  const child = spawn('java', [...java, 'kafka.Kafka', settings], {
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const exited = once(child, 'exit').then(
    () => {},
    () => {},
  );
  const kill = () => child.kill('SIGKILL');
  if (o.detached) child.unref();
  else process.once('exit', kill);
  const brokers = `127.0.0.1:${port}`;
  const close = async () => {
    await stop(child);
    process.off('exit', kill);
    if (o.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  try {
    await serving(brokers, child);
  } catch (cause) {
    const said = (await readFile(logFile, 'utf8')).slice(-600);
    await close();
    throw new Error(`Kafka did not come up: ${said}`, { cause });
  }
  return {
    brokers,
    pid: child.pid as number,
    port,
    controllerPort,
    logFile,
    exited,
    close,
    ...(secured && { secured: { brokers: `127.0.0.1:${secured.port}`, caFile: secured.caFile } }),
  };
}

interface Listener {
  name: string;
  protocol: 'PLAINTEXT' | 'SASL_SSL';
  port: number;
  /** What clients are told. */
  advertised: number;
}

const listenersOf = ({ proxied = [] }: KafkaOptions, securedPort: number | undefined): Listener[] => [
  ...proxied.map(({ name, port, behind }) => ({
    name,
    protocol: 'PLAINTEXT' as const,
    port: behind,
    advertised: port,
  })),
  ...(securedPort === undefined
    ? []
    : [{ name: 'SECURED', protocol: 'SASL_SSL' as const, port: securedPort, advertised: securedPort }]),
];

const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

async function stop(child: ChildProcess): Promise<void> {
  if (ended(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(hard);
}

async function serving(brokers: string, child: ChildProcess): Promise<void> {
  const client = new kafkajs.Kafka({
    clientId: 'readiness',
    brokers: [brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 200, retries: 100 },
  });
  const admin = client.admin();
  const gone = once(child, 'exit').then(() => {
    throw new Error('it has ended');
  });
  gone.catch(() => {});
  await Promise.race([gone, admin.connect()]);
  await until(async () => (await admin.describeCluster()).brokers.length > 0, 'Kafka answers');
  const topic = `readiness-${randomUUID()}`;
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 1 }] });
  await until(async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.every(({ leader }) => leader >= 0);
  }, 'a topic has a leader');
  await roundTrip(client, topic);
  await admin.deleteGroups([topic]).catch(() => {});
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
}

/** The first group makes the broker create its own offsets topic: better now than in the first test. */
async function roundTrip(client: kafkajs.Kafka, topic: string): Promise<void> {
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  const consumer = client.consumer({ groupId: topic, maxWaitTimeInMs: 50 });
  try {
    await producer.connect();
    await producer.send({ topic, messages: [{ value: 'ready?' }] });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    let seen = false;
    await consumer.run({
      eachMessage: async () => {
        seen = true;
      },
    });
    await until(() => seen, 'a record comes back', 20_000);
  } finally {
    await Promise.all([producer.disconnect(), consumer.disconnect()]);
  }
}

const properties = (
  dir: string,
  port: number,
  controllerPort: number,
  more: Listener[],
) => `process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${more.map((one) => `,${one.name}://127.0.0.1:${one.port}`).join('')}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${more.map((one) => `,${one.name}://127.0.0.1:${one.advertised}`).join('')}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${more.map((one) => `,${one.name}:${one.protocol}`).join('')}
inter.broker.listener.name=PLAINTEXT
log.dirs=${join(dir, 'data')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
log.segment.bytes=16777216
num.network.threads=2
num.io.threads=2
`;

const logging = `Configuration:
  Appenders:
    Console: {name: C, PatternLayout: {pattern: "%d %p %m%n"}}
  Loggers:
    Root: {level: warn, AppenderRef: {ref: C}}
    Logger: [{name: kafka.server.KafkaRaftServer, level: info}]
`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
