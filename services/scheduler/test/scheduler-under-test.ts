import { Bus, MemoryBroker } from '@mortise/bus';
import {
  encodeReply,
  headers,
  InstallationState,
  type ExecuteBody,
  type ExecuteCommand,
  type InstallationStateData,
  type InteractiveReply,
  type Principal,
} from '@mortise/contracts';
import { Database } from '@mortise/database';
import { createLogger, loadEnv, principalHeader, signPrincipal } from '@mortise/service-kit';
import { testDatabase, type TestDatabase } from '@mortise/testing';
import { migrations, schedulerEnv, start } from '../src/index.js';

const internalKey = 'k'.repeat(32);
const logger = createLogger({ service: 'scheduler', level: 'silent' });

/** A running scheduler with a bus and a database of its own; the test stands for the rest of the platform. */
export class SchedulerUnderTest {
  readonly commands: ExecuteCommand[] = [];
  /** What an executor answers to an interactive execute. */
  answer: (body: ExecuteBody) => InteractiveReply = () => ({
    status: 'succeeded',
    result: 'null',
    durationMs: 1,
  });
  bus!: Bus;
  db!: Database;
  url!: string;
  private database!: TestDatabase;
  private service!: Awaited<ReturnType<typeof start>>;
  private settings: Record<string, string> = {};
  private readonly broker = new MemoryBroker();

  static async start(): Promise<SchedulerUnderTest> {
    const self = new SchedulerUnderTest();
    self.database = await testDatabase([migrations]);
    self.settings = {
      BUS: 'memory',
      DATABASE_URL: self.database.url,
      METRICS_PORT: '0',
      PORT: '0',
      MORTISE_INTERNAL_KEY: internalKey,
    };
    self.db = await Database.connect({ url: self.database.url, service: 'scheduler', logger });
    await self.listen();
    await self.startScheduler();
    return self;
  }

  /** Ends the scheduler and starts it again on the same database. */
  async restart(): Promise<void> {
    await this.service.close();
    await this.startScheduler();
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.bus.close();
    await this.db.close();
    await this.database.drop();
  }

  async announce(state: InstallationStateData): Promise<InstallationStateData> {
    await this.bus.publish(InstallationState, state);
    return state;
  }

  /** An HTTP request of a tenant's admin. */
  async request(
    method: string,
    path: string,
    tenantId: string,
    body?: unknown,
    sent: Record<string, string> = {},
  ): Promise<{ status: number; headers: Headers; body: unknown }> {
    const caller: Principal = {
      tenantId,
      tenantSlug: 'acme',
      roles: ['tenant-admin'],
      subject: 'key:mk_1a2b3c4d',
      requestId: 'r',
    };
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        [principalHeader]: signPrincipal(internalKey, caller),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...sent,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
  }

  private async startScheduler(): Promise<void> {
    this.service = await start(loadEnv(schedulerEnv, this.settings), { broker: this.broker, logger });
    this.url = this.service.url;
  }

  private async listen(): Promise<void> {
    const { broker } = this;
    this.bus = Bus.create({
      service: 'executor',
      instanceId: 'test',
      env: loadEnv(schedulerEnv, this.settings),
      broker,
      logger,
    });
    this.bus.consume({
      topic: 'executions.background',
      handler: async (record) => {
        this.commands.push(JSON.parse(record.value?.toString() ?? '') as ExecuteCommand);
      },
    });
    this.bus.consume({
      topic: 'executions.interactive',
      handler: async (record) => {
        const body = JSON.parse(record.value?.toString() ?? '{}') as ExecuteBody;
        const reply = encodeReply(this.answer(body));
        this.bus.reply(record, reply.value, { ...reply.headers, [headers.executionId]: 'x' });
      },
    });
    await this.bus.start();
  }
}
