import { Pool } from 'undici';

export type Owner = 'registry' | 'scheduler';

const connectMs = 2_000;
// Longer than any answer an owner may take for: a sync test of event hooks waits for executions.
const headersMs = 90_000;

/** Kept-alive connections to the services that own routes. */
export class Owners {
  private readonly pools: Record<Owner, Pool>;

  constructor(urls: Record<Owner, string>) {
    const pool = (url: string) =>
      new Pool(new URL(url).origin, {
        connect: { timeout: connectMs },
        headersTimeout: headersMs,
        // A live tail is silent for as long as its plugin is; the caller's leaving ends it.
        bodyTimeout: 0,
        keepAliveTimeout: 30_000,
      });
    this.pools = { registry: pool(urls.registry), scheduler: pool(urls.scheduler) };
  }

  pool(owner: Owner): Pool {
    return this.pools[owner];
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.pools).map((pool) => pool.destroy()));
  }
}
