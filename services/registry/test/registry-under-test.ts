import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Bus, busEnv, MemoryBroker, type Received, type StateTable } from '@mortise/bus';
import {
  headers,
  InstallationState,
  PluginState,
  TenantState,
  type InspectCommand,
  type InspectReply,
  type InstallationStateData,
  type PluginStateData,
  type Principal,
  type TenantStateData,
} from '@mortise/contracts';
import { Database } from '@mortise/database';
import {
  defineEnv,
  loadEnv,
  newId,
  principalHeader,
  signPrincipal,
  type RunningService,
} from '@mortise/service-kit';
import { createStore } from '@mortise/storage';
import { testDatabase, type TestDatabase } from '@mortise/testing';
import { entities, migrations, registryEnv, start } from '../src/index.js';
import { logger } from './installed.js';
import { TestTenant } from './test-tenant.js';

const internalKey = 'internal-key-of-this-test-0123456789';

/** What a test's executor says to an inspect; undefined: nothing. */
export type Inspection = (command: InspectCommand, bytes: Buffer) => InspectReply | undefined;

/** A running registry with database, store and bus of its own, and an executor beside it that a test answers for. */
export class RegistryUnderTest {
  inspection: Inspection = () => ({ ok: true });
  readonly commands: InspectCommand[] = [];
  /** Everything on the lifecycle topics and on `control`, in order of arrival. */
  readonly told: Received[] = [];
  /** What the gateway would tell of tenants at a start. */
  readonly tenants: TenantStateData[] = [];
  installations!: StateTable<InstallationStateData>;
  plugins!: StateTable<PluginStateData>;
  db!: Database;
  /** The executor's side of the bus. */
  bus!: Bus;
  url!: string;
  private service!: RunningService;
  private database!: TestDatabase;
  private folder!: string;
  private settings: Record<string, string> = {};

  static async start(): Promise<RegistryUnderTest> {
    const self = new RegistryUnderTest();
    self.folder = await mkdtemp(join(tmpdir(), 'mortise-registry-'));
    self.database = await testDatabase([migrations]);
    self.settings = {
      BUS: 'memory',
      STORAGE: 'fs',
      STORAGE_DIR: join(self.folder, 'store'),
      REGISTRY_SPOOL_DIR: join(self.folder, 'spool'),
      DATABASE_URL: self.database.url,
      METRICS_PORT: '0',
      PORT: '0',
      MORTISE_INTERNAL_KEY: internalKey,
      MORTISE_MASTER_KEY: 'ab'.repeat(32),
    };
    self.db = await Database.connect({ url: self.database.url, service: 'registry', entities, logger });
    await self.boot();
    return self;
  }

  get databaseUrl(): string {
    return this.database.url;
  }

  /** Starts the process again on the same data. */
  async restart(): Promise<void> {
    await this.halt();
    await this.boot();
  }

  async close(): Promise<void> {
    await this.halt();
    await this.db.close();
    await this.database.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A tenant of its own, with rights to everything a tenant-admin may. */
  tenant(slug = `t-${newId().slice(-12)}`): TestTenant {
    return this.as({ tenantId: newId(), tenantSlug: slug });
  }

  /** The platform's admin. */
  operator(): TestTenant {
    return this.as({
      tenantId: newId(),
      tenantSlug: 'operator',
      roles: ['platform-admin'],
      subject: 'key:op',
    });
  }

  /** Types of what was told about a plugin, an installation or a digest. */
  typesOf(id: string): (string | undefined)[] {
    return this.told.filter(({ value }) => value?.includes(id)).map((record) => record.headers['ce_type']);
  }

  /** What uploads keep on disk and in the store while they are checked. */
  async leftovers(): Promise<string[]> {
    const spooled = await readdir(join(this.folder, 'spool'));
    return [...spooled, ...(await this.stored('staging/'))];
  }

  async stored(prefix: 'staging/' | 'packages/'): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of this.store().list(prefix)) names.push(name);
    return names;
  }

  at(...names: string[]): string {
    return join(this.folder, ...names);
  }

  private as(who: Partial<Principal> & Pick<Principal, 'tenantId' | 'tenantSlug'>): TestTenant {
    const principal: Principal = {
      roles: ['tenant-admin'],
      subject: 'key:mk_test',
      requestId: newId(),
      ...who,
    };
    return new TestTenant(
      () => this.url,
      principal,
      () => ({ [principalHeader]: signPrincipal(internalKey, principal) }),
    );
  }

  private store() {
    return createStore(loadEnv(registryEnv, this.settings));
  }

  private async boot(): Promise<void> {
    const broker = new MemoryBroker({ services: ['registry', 'executor'] });
    this.bus = Bus.create({
      service: 'executor',
      instanceId: 'executor-1',
      env: loadEnv(defineEnv(busEnv), {}),
      broker,
      logger,
    });
    const { tenants } = this;
    this.bus.provideSnapshot(TenantState, async function* () {
      yield* tenants;
    });
    this.installations = this.bus.state(InstallationState);
    this.plugins = this.bus.state(PluginState);
    for (const topic of ['plugin-lifecycle', 'installation-lifecycle', 'control'] as const)
      this.bus.consume({ topic, handler: async (record) => void this.told.push(record) });
    this.bus.consume({
      topic: 'executions.interactive',
      handler: (record) => this.inspect(record),
      ordering: 'none',
    });
    await this.bus.start();
    this.service = await start(loadEnv(registryEnv, this.settings), { broker, logger });
    this.url = this.service.url;
    await Promise.all([this.installations.caughtUp, this.plugins.caughtUp]);
  }

  private async halt(): Promise<void> {
    await this.service.close();
    await this.bus.close();
  }

  private async inspect(record: Received): Promise<void> {
    if (record.headers[headers.command] !== 'inspect') return;
    const command = JSON.parse(record.value?.toString() ?? '') as InspectCommand;
    const source = await this.store().read(command.object);
    if (!source) throw new Error(`nothing is at ${command.object}`);
    const bytes = await buffer(source);
    if (createHash('sha256').update(bytes).digest('hex') !== command.digest)
      throw new Error(`${command.object} is not what the command says`);
    if (record.key !== command.digest) throw new Error('the key of an inspect is the digest');
    this.commands.push(command);
    const reply = this.inspection(command, bytes);
    if (reply) this.bus.reply(record, Buffer.from(JSON.stringify(reply)), { [headers.status]: 'succeeded' });
  }
}
