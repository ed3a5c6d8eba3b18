import { LRUCache } from 'lru-cache';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import type { AddressPolicy } from './addresses.js';
import { networkFailed, networkRefused } from './failures.js';
import type { Target } from './hosts.js';
import { httpLimits } from './limits.js';
import type { Address, NameResolver } from './names.js';
import { Rate } from './rate.js';

/** How a connection is made to one of the addresses that `pinned` gives; tests bring their own. */
export type Connector = (pinned: () => readonly Address[]) => buildConnector.connector;

export interface EgressOptions {
  names: NameResolver;
  addresses: AddressPolicy;
  /** Requests of one installation in a minute, in this process. */
  requestsPerMinute: number;
  clock?: { now(): number };
  connector?: Connector;
}

const keptPools = 1_000;

const poolOptions = {
  connections: 16,
  pipelining: 1,
  // One connection, one answer at a time: less to be attacked by a server.
  allowH2: false,
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 30_000,
  maxHeaderSize: httpLimits.headerBytes,
  // Each request has a deadline of its own over all of these.
  headersTimeout: 0,
  bodyTimeout: 0,
} satisfies Pool.Options;

/** Connects to nothing but the addresses that were checked: the name is not looked up a second time. */
export const pinnedConnector: Connector = (pinned) =>
  buildConnector({
    allowH2: false,
    timeout: httpLimits.connectMs,
    // Said again, so that no variable of the environment takes it back.
    rejectUnauthorized: true,
    autoSelectFamily: true,
    lookup: (_host, options, done) => {
      const [first] = pinned();
      if (options.all) done(null, [...pinned()]);
      else if (first) done(null, first.address, first.family);
      else done(new Error('no address'), '');
    },
  });

/** A host that one installation may talk to now. */
export interface Origin {
  /** Are all its addresses in private networks that the operator opened? */
  isPrivate: boolean;
  send(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
}

interface Known {
  pool: Pool;
  addresses: readonly Address[];
}

/**
 * The way out for the requests of plugins: names resolved once, every address checked, connections made to checked ones
 * only, and never shared by two installations. No proxy: what the environment says of one is not read.
 */
export class Egress {
  readonly rate: Rate;
  readonly #options: EgressOptions;
  readonly #known = new LRUCache<string, Known>({
    max: keptPools,
    // Lets requests under way end.
    dispose: ({ pool }) => void pool.close().catch(() => {}),
  });

  constructor(options: EgressOptions) {
    this.#options = options;
    this.rate = new Rate(options.requestsPerMinute, options.clock);
  }

  /** @throws CapabilityError when the name has no address, or any that plugins may not reach */
  async open(installationId: string, target: Target): Promise<Origin> {
    const { names, addresses: policy } = this.#options;
    const { protocol, host, port } = target;
    const addresses = await names.resolve(host).catch(() => []);
    if (addresses.length === 0) throw networkFailed(host, 'name');
    if (!addresses.every(({ address }) => policy.allows(address))) throw networkRefused(host);
    const known = this.#at(`${installationId} ${protocol}//${host}:${port}`, `${protocol}//${host}:${port}`);
    known.addresses = addresses;
    return {
      isPrivate: addresses.every(({ address }) => policy.opens(address)),
      send: (options) => known.pool.request(options),
    };
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    const pools = [...this.#known.values()].map(({ pool }) => pool);
    await Promise.all(pools.map((pool) => pool.destroy()));
    this.#known.clear();
  }

  #at(key: string, origin: string): Known {
    const found = this.#known.get(key);
    if (found) return found;
    const connector = this.#options.connector ?? pinnedConnector;
    const known: Known = {
      addresses: [],
      pool: new Pool(origin, { ...poolOptions, connect: connector(() => known.addresses) }),
    };
    this.#known.set(key, known);
    return known;
  }
}
