import type { ServiceName } from '@mortise/contracts';
import type { Logger } from '@mortise/service-kit';
import type { Client } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { connect, unreachable } from './connection.js';
import { systemRole, tenantRole } from './roles.js';

/** A transaction of TypeORM: repositories, `tx.query`. */
export type Tx = EntityManager;
type EntityClass = new (...args: never[]) => object;

export interface DatabaseOptions {
  url: string;
  service: ServiceName;
  /** Classes with TypeORM's decorators; tables are made by migrations only. */
  entities?: EntityClass[];
  poolSize?: number;
  logger: Logger;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const scope = `select set_config('role', $1, true), set_config('app.tenant', $2, true), set_config('search_path', $3, true)`;

/** A service's schema of the database. Everything runs in `tx` or `system`: outside of them no row is visible. */
export class Database {
  private readonly hooks = new WeakMap<EntityManager, (() => void)[]>();

  private constructor(
    private readonly source: DataSource,
    private readonly options: DatabaseOptions,
  ) {}

  static async connect(options: DatabaseOptions): Promise<Database> {
    const source = new DataSource({
      type: 'postgres',
      url: options.url,
      schema: options.service,
      entities: options.entities ?? [],
      synchronize: false,
      installExtensions: false,
      uuidExtension: 'pgcrypto',
      logging: false,
      applicationName: `mortise-${options.service}`,
      poolSize: options.poolSize ?? 10,
      poolErrorHandler: (error: Error) =>
        options.logger.warn({ error: error.message }, 'database connection lost'),
      connectTimeoutMS: 10_000,
      extra: { keepAlive: true, statement_timeout: 30_000, idle_in_transaction_session_timeout: 60_000 },
    });
    await source.initialize().catch((error: unknown) => {
      throw unreachable(options.url, error);
    });
    return new Database(source, options);
  }

  get service(): ServiceName {
    return this.options.service;
  }

  /** One transaction that sees and writes the rows of one tenant. */
  async tx<T>(tenantId: string, fn: (tx: EntityManager) => Promise<T>): Promise<T> {
    // Row security would hide everything from a malformed tenant; the caller's mistake is better named here.
    if (!uuid.test(tenantId)) throw new TypeError(`Not a tenant id: ${JSON.stringify(tenantId)}`);
    return this.run(tenantRole(this.service), tenantId, fn);
  }

  /** One transaction over all tenants: outbox, projections, sweeps, key look-up. Never with input that names rows unchecked. */
  async system<T>(fn: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.run(systemRole(this.service), '', fn);
  }

  /** Calls `fn` once the transaction is committed; never when it is rolled back. */
  afterCommit(tx: EntityManager, fn: () => void): void {
    const hooks = this.hooks.get(tx);
    if (!hooks) throw new Error('afterCommit outside of db.tx or db.system');
    hooks.push(fn);
  }

  /** A connection outside the pool, in the role of `system` for as long as it lives: for session locks. */
  async dedicated(purpose: string): Promise<Client> {
    const client = await connect(this.options.url, `mortise-${this.service}-${purpose}`, {
      queryTimeoutMs: 30_000,
    });
    // A machine that vanishes without closing must not hold its locks for the two hours of TCP's default.
    await client.query(
      `set role ${systemRole(this.service)}; set search_path to ${this.service};
       set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3`,
    );
    return client;
  }

  async ping(): Promise<void> {
    await this.source.query('select 1');
  }

  async close(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy();
  }

  private async run<T>(role: string, tenantId: string, fn: (tx: EntityManager) => Promise<T>): Promise<T> {
    const hooks: (() => void)[] = [];
    const result = await this.source.transaction(async (tx) => {
      this.hooks.set(tx, hooks);
      await tx.query(scope, [role, tenantId, this.service]);
      return fn(tx);
    });
    for (const hook of hooks) {
      try {
        hook();
      } catch (error) {
        // The transaction stands: its caller must not be told that it failed.
        this.options.logger.error({ error: String(error) }, 'a step after the commit failed');
      }
    }
    return result;
  }
}
