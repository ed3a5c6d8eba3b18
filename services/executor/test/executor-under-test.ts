import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bus, MemoryBroker, type Received } from '@mortise/bus';
import {
  decodeReply,
  encodeExecute,
  headers,
  InstallationState,
  type ExecuteBody,
  type ExecutionData,
  type InstallationStateData,
  type InteractiveReply,
  type LogLine,
} from '@mortise/contracts';
import { Database } from '@mortise/database';
import {
  createLogger,
  loadEnv,
  newId,
  principalHeader,
  verifyPrincipal,
  type Logger,
} from '@mortise/service-kit';
import { createStore } from '@mortise/storage';
import { buildPackage, testDatabase, until, type TestDatabase, installation } from '@mortise/testing';
import { executorEnv, migrations, start } from '../src/index.js';

const internalKey = 'k'.repeat(32);
const silent = createLogger({ service: 'executor', level: 'silent' });

/** A running executor with a bus, a database and a package store of its own, and what a test sees of it. */
export class ExecutorUnderTest {
  readonly events: ExecutionData[] = [];
  readonly logs: LogLine[] = [];
  readonly pluginEvents: Received[] = [];
  readonly evidence: Received[] = [];
  readonly secrets = new Map<string, Record<string, string>>();
  /** Held back by a test, the outcome's publish does not end. */
  projecting: (data: ExecutionData) => Promise<void> = async () => {};
  secretReads = 0;
  bus!: Bus;
  db!: Database;
  url!: string;
  private database!: TestDatabase;
  private folder!: string;
  private registry!: Server;
  private readonly closers: (() => Promise<unknown>)[] = [];
  private readonly broker = new MemoryBroker();
  private settings: Record<string, string> = {};

  /** @param over of the environment */
  static async start(over: Record<string, string> = {}, logger: Logger = silent): Promise<ExecutorUnderTest> {
    const self = new ExecutorUnderTest();
    self.folder = await mkdtemp(join(tmpdir(), 'mortise-executor-'));
    self.database = await testDatabase([migrations]);
    await self.serveSecrets();
    self.settings = {
      BUS: 'memory',
      STORAGE: 'fs',
      STORAGE_DIR: self.folder,
      DATABASE_URL: self.database.url,
      METRICS_PORT: '0',
      PORT: '0',
      MORTISE_INTERNAL_KEY: internalKey,
      REGISTRY_URL: `http://127.0.0.1:${(self.registry.address() as AddressInfo).port}`,
      EXECUTOR_LEASE_MS: '600',
      ...over,
    };
    self.db = await Database.connect({ url: self.database.url, service: 'executor', logger });
    await self.listen();
    const service = await start(self.env(), { broker: self.broker, logger });
    self.url = service.url;
    self.closers.push(() => service.close());
    return self;
  }

  async close(): Promise<void> {
    for (const close of this.closers.reverse()) await close();
    await this.bus.close();
    await this.db.close();
    this.registry.close();
    await this.database.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Publishes the code as a package and announces an active installation of it. */
  async install(code: string, over: Partial<InstallationStateData> = {}): Promise<InstallationStateData> {
    const digest = await this.store('packages', code);
    const state = installation({ digest, ...over });
    await this.announce(state);
    return state;
  }

  /** @returns the digest; the object is `{folder}/{digest}` */
  async store(folder: 'packages' | 'staging', code: string): Promise<string> {
    // Two plugins of the same code are two packages.
    const bytes = buildPackage({ manifest: { slug: newId() }, files: { 'main.js': code } });
    const digest = createHash('sha256').update(bytes).digest('hex');
    const path = join(this.folder, `upload-${digest}`);
    await writeFile(path, bytes);
    await createStore(this.env()).putFile(`${folder}/${digest}`, path);
    return digest;
  }

  async announce(state: InstallationStateData): Promise<void> {
    await this.bus.publish(InstallationState, state);
  }

  execute(
    state: InstallationStateData,
    body: ExecuteBody | string = {},
    over: Partial<Parameters<typeof encodeExecute>[0]> & { waitMs?: number } = {},
  ): Promise<InteractiveReply> {
    const deadline = over.deadline ?? Date.now() + (over.waitMs ?? 5_000);
    const record = encodeExecute({
      executionId: newId(),
      tenantId: state.tenantId,
      installationId: state.installationId,
      revision: state.revision,
      acceptedAt: new Date().toISOString(),
      trigger: 'call',
      ...over,
      deadline,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return this.bus.request(record, { deadline: deadline + 1_000 }).then(decodeReply);
  }

  /** A cancel or inspect command. @returns the reply's value */
  async ask(command: 'cancel' | 'inspect', key: string, value: object): Promise<unknown> {
    const deadline = Date.now() + 10_000;
    const reply = await this.bus.request(
      {
        topic: 'executions.interactive',
        key,
        value: Buffer.from(JSON.stringify(value)),
        headers: { [headers.command]: command, [headers.deadline]: String(deadline) },
      },
      { deadline },
    );
    return JSON.parse(reply.value?.toString() ?? 'null') as unknown;
  }

  event(executionId: string, status: ExecutionData['status']): Promise<ExecutionData> {
    return until(
      () => this.events.find((data) => data.executionId === executionId && data.status === status),
      `execution ${executionId} is ${status}`,
    );
  }

  private env() {
    return loadEnv(executorEnv, this.settings);
  }

  /** The rest of the platform: takes what the executor tells. */
  private async listen(): Promise<void> {
    const { broker } = this;
    this.bus = Bus.create({
      service: 'registry',
      instanceId: 'test',
      env: loadEnv(executorEnv, this.settings),
      broker,
      logger: silent,
    });
    const take = (topic: 'plugin-events' | 'security-events' | 'health-events', into: Received[]) =>
      this.bus.consume({ topic, handler: async (record) => void into.push(record) });
    take('plugin-events', this.pluginEvents);
    take('security-events', this.evidence);
    take('health-events', this.evidence);
    this.bus.consume({
      topic: 'execution-events',
      handler: async (record) => {
        const data = JSON.parse(record.value?.toString() ?? '') as ExecutionData;
        this.events.push(data);
        await this.projecting(data);
      },
    });
    this.bus.consume({
      topic: 'execution-logs',
      handler: async (record) => {
        const { lines } = JSON.parse(record.value?.toString() ?? '') as { lines: LogLine[] };
        this.logs.push(...lines);
      },
    });
    await this.bus.start();
  }

  private async serveSecrets(): Promise<void> {
    this.registry = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://registry');
      verifyPrincipal(internalKey, String(request.headers[principalHeader]));
      this.secretReads++;
      const id = url.pathname.split('/')[3] ?? '';
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ revision: 1, values: this.secrets.get(id) ?? {} }));
    });
    await new Promise<void>((resolve) => this.registry.listen(0, '127.0.0.1', resolve));
  }
}
