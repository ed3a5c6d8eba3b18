import type { CacheStore } from './types.js';

interface Entry {
  value: string;
  expiresAt: number;
}

/** Plugin caches in this process's memory, for tests and the CLI. */
export class MemoryCache implements CacheStore {
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
    { expiresAt, quotaBytes }: { expiresAt: number; quotaBytes: number },
  ): Promise<void> {
    const entries = this.#live(tenantId, installationId);
    entries.delete(key);
    entries.set(key, { value, expiresAt });
    let held = 0;
    for (const [name, entry] of entries) held += bytesOf(name, entry);
    for (const [name, entry] of entries) {
      if (held <= quotaBytes) break;
      entries.delete(name);
      held -= bytesOf(name, entry);
    }
    return Promise.resolve();
  }

  delete(tenantId: string, installationId: string, key: string): Promise<boolean> {
    return Promise.resolve(this.#live(tenantId, installationId).delete(key));
  }

  #live(tenantId: string, installationId: string): Map<string, Entry> {
    const id = `${tenantId}/${installationId}`;
    let entries = this.#entries.get(id);
    if (!entries) this.#entries.set(id, (entries = new Map<string, Entry>()));
    const now = this.#now();
    for (const [key, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(key);
    return entries;
  }
}

const bytesOf = (key: string, { value }: Entry): number => Buffer.byteLength(key) + Buffer.byteLength(value);
