import type { CacheStore } from '@mortise/capabilities';
import type { Database } from '@mortise/database';
import { troubleBehind, type Clock } from '@mortise/service-kit';
import { LRUCache } from 'lru-cache';
import { deleteSql, dropSql, getSql, putSql, sweepSql, trimSql } from './cache.sql.js';

/** How long this process answers from its own memory: so long may it miss what another one wrote. */
const freshMs = 1_000;
const localBytes = 32 * 1_048_576;
/** What a row takes beside key and value. */
const rowBytes = 128;
/** An installation is trimmed each time it has written another part of its quota. */
const trimEvery = 8;

interface Entry {
  value: string;
  expiresAt: number;
}
type SetOptions = Parameters<CacheStore['set']>[4];

/**
 * Plugins' caches: an unlogged table that all executors share behind this process's memory. A database that does not
 * answer makes an empty cache, never a failed plugin.
 */
export class PostgresCache implements CacheStore {
  private readonly local = new LRUCache<string, Entry>({
    maxSize: localBytes,
    sizeCalculation: ({ value }, key) => value.length + key.length + rowBytes,
  });
  /** Bytes written since the installation was last trimmed. */
  private readonly written = new LRUCache<string, number>({ max: 10_000 });

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  async get(tenantId: string, installationId: string, key: string): Promise<string | undefined> {
    const now = this.clock.now();
    const at = localKey(tenantId, installationId, key);
    const known = this.local.get(at);
    if (known) return known.expiresAt > now ? known.value : undefined;
    const [row] = await this.whileUp([], () =>
      this.db.tx(tenantId, (tx) =>
        tx.query<{ value: string; expiresAt: Date }[]>(getSql, [
          tenantId,
          installationId,
          key,
          new Date(now),
        ]),
      ),
    );
    if (row) this.keep(at, { value: row.value, expiresAt: row.expiresAt.getTime() });
    return row?.value;
  }

  async set(
    tenantId: string,
    installationId: string,
    key: string,
    value: string,
    { expiresAt, quotaBytes }: SetOptions,
  ): Promise<void> {
    const now = new Date(this.clock.now());
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value) + rowBytes;
    const written = (this.written.get(installationId) ?? quotaBytes) + bytes;
    const trims = written >= quotaBytes / trimEvery;
    this.written.set(installationId, trims ? 0 : written);
    const at = localKey(tenantId, installationId, key);
    this.local.delete(at);
    await this.whileUp(undefined, () =>
      this.db.tx(tenantId, async (tx) => {
        await tx.query(putSql, [tenantId, installationId, key, value, bytes, new Date(expiresAt), now]);
        if (trims) await tx.query(trimSql, [tenantId, installationId, now, quotaBytes]);
      }),
    );
    this.keep(at, { value, expiresAt });
  }

  async delete(tenantId: string, installationId: string, key: string): Promise<boolean> {
    this.local.delete(localKey(tenantId, installationId, key));
    const [rows] = await this.whileUp([[]], () =>
      this.db.tx(tenantId, (tx) =>
        tx.query<[{ live: boolean }[]]>(deleteSql, [
          tenantId,
          installationId,
          key,
          new Date(this.clock.now()),
        ]),
      ),
    );
    return rows?.[0]?.live ?? false;
  }

  /** Everything of an installation, now. */
  async drop(tenantId: string, installationId: string): Promise<void> {
    for (const at of this.local.keys())
      if (at.startsWith(localKey(tenantId, installationId, ''))) this.local.delete(at);
    await this.db.tx(tenantId, (tx) => tx.query(dropSql, [tenantId, installationId]));
  }

  /** Removes what has expired. */
  async sweep(): Promise<void> {
    await this.db.system((tx) => tx.query(sweepSql, [new Date(this.clock.now())]));
  }

  private keep(at: string, entry: Entry): void {
    this.local.set(at, entry, { ttl: freshMs });
  }

  private async whileUp<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (troubleBehind(error)?.code !== 'UNAVAILABLE') throw error;
      return otherwise;
    }
  }
}

const localKey = (tenantId: string, installationId: string, key: string): string =>
  `${tenantId} ${installationId} ${key}`;
