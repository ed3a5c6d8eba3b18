import type { StorageStore } from './types.js';

interface Entry {
  value: string;
  expiresAt: number | null;
}

/** Plugin storage in this process's memory, for tests and the CLI. */
export class MemoryStorage implements StorageStore {
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #now: () => number;

  constructor(clock?: { now(): number }) {
    this.#now = () => clock?.now() ?? Date.now();
  }

  get(tenantId: string, installationId: string, key: string): Promise<string | undefined> {
    return Promise.resolve(this.#live(tenantId, installationId).get(key)?.value);
  }

  set(
    tenantId: string,
    installationId: string,
    key: string,
    value: string,
    options: { expiresAt: number | null; quotaBytes: number },
  ): Promise<{ ok: true } | { ok: false; usedBytes: number }> {
    const entries = this.#live(tenantId, installationId);
    let usedBytes = Buffer.byteLength(key) + Buffer.byteLength(value);
    for (const [name, entry] of entries) {
      if (name !== key) usedBytes += Buffer.byteLength(name) + Buffer.byteLength(entry.value);
    }
    if (usedBytes > options.quotaBytes) return Promise.resolve({ ok: false, usedBytes });
    entries.set(key, { value, expiresAt: options.expiresAt });
    return Promise.resolve({ ok: true });
  }

  delete(tenantId: string, installationId: string, key: string): Promise<boolean> {
    return Promise.resolve(this.#live(tenantId, installationId).delete(key));
  }

  list(
    tenantId: string,
    installationId: string,
    options: { prefix: string; after: string | null; limit: number },
  ): Promise<string[]> {
    const { prefix, after, limit } = options;
    const keys = [...this.#live(tenantId, installationId).keys()].filter(
      (key) =>
        key.startsWith(prefix) &&
        (after === null || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0),
    );
    // UTF-8 bytes sort like code points, as they do in PostgreSQL's C collation.
    return Promise.resolve(
      keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).slice(0, limit),
    );
  }

  #live(tenantId: string, installationId: string): Map<string, Entry> {
    const id = `${tenantId}/${installationId}`;
    let entries = this.#entries.get(id);
    if (!entries) this.#entries.set(id, (entries = new Map<string, Entry>()));
    const now = this.#now();
    for (const [key, entry] of entries)
      if (entry.expiresAt !== null && entry.expiresAt <= now) entries.delete(key);
    return entries;
  }
}
