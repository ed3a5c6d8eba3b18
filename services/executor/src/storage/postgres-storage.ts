import { setTimeout as delay } from 'node:timers/promises';
import type { StorageStore } from '@mortise/capabilities';
import type { Database, Tx } from '@mortise/database';
import { troubleBehind, type Clock } from '@mortise/service-kit';
import {
  deleteSql,
  dropSql,
  getSql,
  listSql,
  lockUsageSql,
  oldBytesSql,
  putSql,
  removeExpiredSql,
} from './storage.sql.js';

/** A database that restarts is waited for: a plugin can do nothing about it. */
const patienceMs = 8_000;
const pauseMs = 100;

type SetOptions = Parameters<StorageStore['set']>[4];

/** Plugins' storage in PostgreSQL. What an installation holds is counted beside its entries, in the same transaction. */
export class PostgresStorage implements StorageStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  async get(tenantId: string, installationId: string, key: string): Promise<string | undefined> {
    const [row] = await this.tx(tenantId, (tx) =>
      tx.query<{ value: string }[]>(getSql, [tenantId, installationId, key, this.now()]),
    );
    return row?.value;
  }

  async set(
    tenantId: string,
    installationId: string,
    key: string,
    value: string,
    { expiresAt, quotaBytes }: SetOptions,
  ): Promise<{ ok: true } | { ok: false; usedBytes: number }> {
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
    return this.tx(tenantId, async (tx) => {
      const used = await lockUsage(tx, tenantId, installationId);
      const [old] = await tx.query<{ bytes: number }[]>(oldBytesSql, [tenantId, installationId, key]);
      let usedBytes = used + bytes - (old?.bytes ?? 0);
      if (usedBytes > quotaBytes) {
        // What has expired and was not swept yet does not count.
        usedBytes -= await this.removeExpired(tx, tenantId, installationId, key);
        if (usedBytes > quotaBytes) return { ok: false, usedBytes };
      }
      const expires = expiresAt === null ? null : new Date(expiresAt);
      await tx.query(putSql, [tenantId, installationId, key, value, bytes, expires, old?.bytes ?? 0]);
      return { ok: true };
    });
  }

  async delete(tenantId: string, installationId: string, key: string): Promise<boolean> {
    return this.tx(tenantId, async (tx) => {
      // Same order of locks as in set: first the usage row.
      await lockUsage(tx, tenantId, installationId);
      const [row] = await tx.query<{ live: boolean }[]>(deleteSql, [
        tenantId,
        installationId,
        key,
        this.now(),
      ]);
      return row?.live ?? false;
    });
  }

  async list(
    tenantId: string,
    installationId: string,
    { prefix, after, limit }: Parameters<StorageStore['list']>[2],
  ): Promise<string[]> {
    const rows = await this.tx(tenantId, (tx) =>
      tx.query<{ key: string }[]>(listSql, [tenantId, installationId, prefix, after, limit, this.now()]),
    );
    return rows.map(({ key }) => key);
  }

  /** Everything of an installation, now. */
  async drop(tenantId: string, installationId: string): Promise<void> {
    await this.tx(tenantId, async (tx) => {
      await lockUsage(tx, tenantId, installationId);
      for (const statement of dropSql) await tx.query(statement, [tenantId, installationId]);
    });
  }

  /** @param key the one being written: its row is counted apart */
  private async removeExpired(
    tx: Tx,
    tenantId: string,
    installationId: string,
    key: string,
  ): Promise<number> {
    const [row] = await tx.query<{ bytes: string }[]>(removeExpiredSql, [
      tenantId,
      installationId,
      this.now(),
      key,
    ]);
    return Number(row?.bytes ?? 0);
  }

  /** What is done twice, because its first answer was lost, ends the same: only `delete` then says that nothing was there. */
  private async tx<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      try {
        return await this.db.tx(tenantId, work);
      } catch (error) {
        if (troubleBehind(error)?.code !== 'UNAVAILABLE' || performance.now() > deadline) throw error;
        await delay(pauseMs);
      }
    }
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}

async function lockUsage(tx: Tx, tenantId: string, installationId: string): Promise<number> {
  const [row] = await tx.query<{ bytes: string }[]>(lockUsageSql, [tenantId, installationId]);
  return Number(row?.bytes ?? 0);
}
