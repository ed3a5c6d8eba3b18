import type { Database } from '@mortise/database';
import type { Clock, Logger } from '@mortise/service-kit';
import type { States } from '@mortise/bus';
import type { PostgresCache } from '../cache/postgres-cache.js';
import type { PostgresStorage } from './postgres-storage.js';
import { dueToDropSql, keepUntilSql, lockUsageSql, removeExpiredSql, withExpiredSql } from './storage.sql.js';

/** How long the storage of an uninstalled plugin is kept when asked for. */
const keptMs = 30 * 86_400_000;
const sweepEveryMs = 60_000;

interface Owner {
  tenantId: string;
  installationId: string;
}

/** When storage goes: with its installation, 30 days after it, or entry by entry when it expires. A cache goes at once. */
export class StorageLife {
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> | undefined;

  constructor(
    private readonly db: Database,
    private readonly storage: PostgresStorage,
    private readonly cache: PostgresCache,
    private readonly states: Pick<States, 'installations'>,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweep()
        .catch((error: unknown) => this.logger.warn({ err: error }, 'storage sweep failed'))
        .finally(() => (this.sweeping = undefined));
    }, sweepEveryMs);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  async uninstalled(tenantId: string, installationId: string, keep: boolean): Promise<void> {
    await this.cache.drop(tenantId, installationId);
    if (!keep) return this.storage.drop(tenantId, installationId);
    const dropAt = new Date(this.clock.now() + keptMs);
    await this.db.tx(tenantId, (tx) => tx.query(keepUntilSql, [tenantId, installationId, dropAt]));
  }

  /** Removes what has expired and what was kept long enough. */
  async sweep(): Promise<void> {
    const now = new Date(this.clock.now());
    await this.cache.sweep();
    const expired = await this.db.system((tx) => tx.query<Owner[]>(withExpiredSql, [now]));
    for (const { tenantId, installationId } of expired) {
      await this.db.tx(tenantId, async (tx) => {
        await tx.query(lockUsageSql, [tenantId, installationId]);
        await tx.query(removeExpiredSql, [tenantId, installationId, now, '']);
      });
    }
    const due = await this.db.system((tx) => tx.query<Owner[]>(dueToDropSql, [now]));
    for (const { tenantId, installationId } of due) {
      const installation = this.states.installations.get(installationId);
      const back = installation !== undefined && installation.status !== 'uninstalled';
      if (back) await this.db.tx(tenantId, (tx) => tx.query(keepUntilSql, [tenantId, installationId, null]));
      else await this.storage.drop(tenantId, installationId);
    }
  }
}
