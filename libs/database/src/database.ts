import type { ServiceName } from '@mortise/contracts';
import type { Logger } from '@mortise/service-kit';
import type { Client } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { connect, Connection, unreachable, watchedSocket } from './connection.js';
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
  /** Longest time of a statement; default 30 s. */
  statementMs?: number;
  logger: Logger;
}

const longestStatementMs = 30_000;
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
    const { statementMs = longestStatementMs } = options;
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
      extra: {
        Client: Connection,
        keepAlive: true,
        statement_timeout: statementMs,
        // Before the silence below, so that the reason is in the error.
        idle_in_transaction_session_timeout: Math.round(statementMs * 1.25),
        // A statement is answered within its time: who is silent for longer is not there any more.
        stream: watchedSocket(statementMs * 1.5),
      },
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

  /**
   * A connection outside the pool, in the role of `system` for as long as it lives: for session locks.
   * @param leaseMs who asks nothing for so long loses the connection, and with it its locks: a process that hangs, a
   *   machine that vanished without closing
   */
  async leased(purpose: string, leaseMs: number): Promise<Client> {
    const client = await connect(this.options.url, `mortise-${this.service}-${purpose}`, {
      silentMs: 5 * leaseMs,
    });
    await client.query(
      `set role ${systemRole(this.service)}; set search_path to ${this.service};
       set idle_session_timeout = ${leaseMs}; set idle_in_transaction_session_timeout = ${leaseMs};
       set tcp_user_timeout = ${leaseMs}`,
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
      return this.inTime(fn(tx));
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

  /** What else a transaction waits for may never come; its connection has to come back all the same. */
  private async inTime<T>(work: Promise<T>): Promise<T> {
    const limitMs = 2 * (this.options.statementMs ?? longestStatementMs);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`A transaction was not done after ${limitMs / 1_000} s: rolled back`)),
        limitMs,
      );
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }
}
