import { request as httpRequest } from 'node:http';
import { Bus, busEnv, MemoryBroker, type Received } from '@mortise/bus';
import {
  encodeReply,
  InstallationState,
  PluginState,
  type InstallationStateData,
  type InteractiveReply,
  type PluginStateData,
  type Problem,
  type Role,
} from '@mortise/contracts';
import { Database } from '@mortise/database';
import { createLogger, defineEnv, loadEnv, newId, type RunningService } from '@mortise/service-kit';
import { installation, testDatabase } from '@mortise/testing';
import { bootstrap } from '../src/bootstrap.js';
import { gatewayEnv } from '../src/env.js';
import { migrations } from '../src/migrations/set.js';
import { start } from '../src/start.js';
import { Owner } from './owner.js';

export const internalKey = 'internal-key-of-this-test-0123456789';
const logger = createLogger({ service: 'test', level: 'silent' });

/** A reply, later or never (undefined). */
export type Executor = (
  command: Received,
) => InteractiveReply | undefined | Promise<InteractiveReply | undefined>;

/** A gateway on a real database and the memory bus, with stand-ins where other services would be. */
export class Ground {
  /** What answers execute commands; a test sets its own. */
  executor: Executor = (command) => ({
    status: 'succeeded',
    result: command.value?.toString() ?? 'null',
    durationMs: 3,
  });

  private constructor(
    readonly gateway: RunningService,
    readonly registry: Owner,
    readonly scheduler: Owner,
    readonly broker: MemoryBroker,
    /** The registry's side of the bus: publishes state. */
    readonly states: Bus,
    readonly db: Database,
    /** platform-admin and tenant-admin of `demo`. */
    readonly adminKey: string,
    readonly tenantId: string,
    private readonly ends: (() => Promise<unknown>)[],
  ) {}

  static async start(): Promise<Ground> {
    const database = await testDatabase([migrations]);
    const adminKey = await bootstrap(database.url, { tenant: 'demo', logger });
    if (!adminKey) throw new Error('a new database has no key');
    const [registry, scheduler] = await Promise.all([Owner.start(), Owner.start()]);
    const broker = new MemoryBroker();
    const bus = (service: 'registry' | 'executor') =>
      Bus.create({
        service,
        instanceId: `${service}-1`,
        env: loadEnv(defineEnv(busEnv), {}),
        broker,
        logger,
      });
    const states = bus('registry');
    states.provideSnapshot(InstallationState, none);
    states.provideSnapshot(PluginState, none);
    const executor = bus('executor');
    let ground: Ground | undefined; // eslint-disable-line prefer-const -- the consumer is declared before what it calls
    executor.consume({
      topic: 'executions.interactive',
      ordering: 'none',
      handler: async (command) => {
        // Not awaited: a slow function must not hold up the next command.
        void Promise.resolve(ground?.executor(command)).then((answer) => {
          if (!answer) return;
          const { value, headers } = encodeReply(answer);
          executor.reply(command, value, headers);
        });
      },
    });
    await states.start();
    await executor.start();
    const env = loadEnv(gatewayEnv, {
      DATABASE_URL: database.url,
      MORTISE_INTERNAL_KEY: internalKey,
      METRICS_PORT: '0',
      PORT: '0',
      REGISTRY_URL: registry.url,
      SCHEDULER_URL: scheduler.url,
    });
    const gateway = await start(env, { broker, logger });
    const db = await Database.connect({ url: database.url, service: 'gateway', logger });
    const [tenant] = await db.system((tx) => tx.query<{ id: string }[]>('select id from tenants'));
    ground = new Ground(gateway, registry, scheduler, broker, states, db, adminKey, tenant?.id ?? '', [
      () => gateway.close(),
      () => executor.close(),
      () => states.close(),
      () => registry.close(),
      () => scheduler.close(),
      () => db.close(),
      () => database.drop(),
    ]);
    return ground;
  }

  async close(): Promise<void> {
    for (const end of this.ends) await end();
  }

  /** A request as the admin unless `headers` say otherwise. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const isText = typeof body === 'string' || body instanceof Uint8Array;
    return fetch(`${this.gateway.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.adminKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
  }

  /** Status and code of the problem. */
  async refusal(answer: Response | Promise<Response>): Promise<{ status: number; code: string }> {
    const { status, problem } = await problemOf(await answer);
    return { status, code: problem.code };
  }

  /** A further tenant with a key of its own. */
  async tenant(slug: string, roles: Role[] = ['tenant-admin']): Promise<{ id: string; key: string }> {
    const made = (await (await this.call('POST', '/api/v1/tenants', { slug, name: slug })).json()) as {
      id: string;
    };
    return { id: made.id, key: (await this.key(slug, roles)).key };
  }

  async key(tenant: string, roles: Role[]): Promise<{ id: string; key: string; prefix: string }> {
    const answer = await this.call('POST', '/api/v1/api-keys', { tenant, roles });
    if (answer.status !== 201) throw new Error(await answer.text());
    return (await answer.json()) as { id: string; key: string; prefix: string };
  }

  /** Publishes an installation's state and gives it back. */
  async installation(changes: Partial<InstallationStateData> = {}): Promise<InstallationStateData> {
    const state = installation({
      tenantId: this.tenantId,
      publisher: 'demo',
      slug: `plugin-${newId().slice(-12)}`,
      functions: { greet: {} },
      ...changes,
    });
    await this.states.publish(InstallationState, state, { tenantId: state.tenantId });
    return state;
  }

  /** Publishes the tombstone of an installation. */
  async removed(installationId: string): Promise<void> {
    await this.states.send([
      { topic: InstallationState.topic, key: installationId, value: null, headers: {} },
    ]);
  }

  async plugin(state: PluginStateData): Promise<void> {
    await this.states.publish(PluginState, state);
  }

  /** A request by hand, where fetch would tidy it up. */
  raw(options: { method: string; path: string; headers?: Record<string, string | string[]> }) {
    const { hostname, port } = new URL(this.gateway.url);
    const authorization = `Bearer ${this.adminKey}`;
    return httpRequest({ hostname, port, ...options, headers: { authorization, ...options.headers } });
  }
}

/** The body of a problem; fails when the answer is anything else. */
export async function problemOf(
  answer: Response,
): Promise<{ status: number; problem: Problem & { executionId?: string } }> {
  const text = await answer.text();
  if (!answer.headers.get('content-type')?.startsWith('application/problem+json'))
    throw new Error(`not a problem: ${answer.status} ${text}`);
  return { status: answer.status, problem: JSON.parse(text) as Problem };
}

async function* none(): AsyncGenerator<never> {}
