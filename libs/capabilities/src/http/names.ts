import { Resolver } from 'node:dns/promises';
import { LRUCache } from 'lru-cache';

export interface Address {
  address: string;
  family: 4 | 6;
}

/** Finds the addresses of a name; none when it has none. */
export interface NameResolver {
  resolve(host: string): Promise<Address[]>;
}

const rememberMs = 5_000;

/**
 * Asks the DNS servers themselves: not the threads that the process reads its files with, which a slow name server would
 * hold up for everybody, and neither the hosts file nor search domains, which lead into the operator's network.
 */
export class DnsResolver implements NameResolver {
  readonly #resolver = new Resolver({ timeout: 2_000, tries: 2 });
  readonly #known = new LRUCache<string, Promise<Address[]>>({ max: 2_000, ttl: rememberMs });

  /** @param servers `address` or `address:port`; default those of the system */
  constructor(servers: readonly string[] = []) {
    if (servers.length > 0) this.#resolver.setServers(servers);
  }

  resolve(host: string): Promise<Address[]> {
    const known = this.#known.get(host);
    if (known) return known;
    const asked = this.#ask(host);
    this.#known.set(host, asked);
    return asked;
  }

  async #ask(host: string): Promise<Address[]> {
    const [v4, v6] = await Promise.all([
      this.#resolver.resolve4(host).catch(() => []),
      this.#resolver.resolve6(host).catch(() => []),
    ]);
    const found: Address[] = [
      ...v4.map((address) => ({ address, family: 4 as const })),
      ...v6.map((address) => ({ address, family: 6 as const })),
    ];
    // No answer is asked for again at once: a name server that was away for a moment is no reason to wait.
    if (found.length === 0) this.#known.delete(host);
    return found;
  }
}
