import { timingSafeEqual } from 'node:crypto';
import type { Database } from '@mortise/database';
import { AppError, type Clock, type Logger } from '@mortise/service-kit';
import { LRUCache } from 'lru-cache';
import { toCredential, type Credential, type CredentialRow } from './credential.js';
import { hashOf, keyOf } from './key.js';

// Revocation must count everywhere within 5 s, also for an instance that missed the word on the control topic.
const goodForMs = 4_500;
// A key in use is looked up again before it runs out, in the background: no request waits for that.
const refreshAfterMs = 2_500;
const keptKeys = 50_000;

interface Entry {
  credential: Credential;
  lookedUpAt: number;
}

/** API keys in memory: an answer without the database for every key that was seen in the last seconds. */
export class Credentials {
  private readonly known = new LRUCache<string, Entry>({ max: keptKeys });
  private readonly pending = new Map<string, Promise<Credential | undefined>>();

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /**
   * Who a request's Authorization header stands for; undefined when only the database can tell (see find).
   * @throws AppError UNAUTHENTICATED, INVALID_CREDENTIAL
   */
  peek(authorization: string | undefined): Credential | undefined {
    const hash = this.hashOf(authorization);
    const entry = this.known.get(hash);
    if (!entry) return undefined;
    const now = this.clock.now();
    const ageMs = now - entry.lookedUpAt;
    if (ageMs >= goodForMs) return undefined;
    if (entry.credential.expiresAt <= now) throw new AppError('INVALID_CREDENTIAL');
    if (ageMs >= refreshAfterMs && !this.pending.has(hash))
      this.lookUp(hash).catch((error: unknown) => this.logger.warn({ err: error }, 'key look-up failed'));
    return entry.credential;
  }

  /** @throws AppError UNAUTHENTICATED, INVALID_CREDENTIAL; UNAVAILABLE when the database does not answer */
  async find(authorization: string | undefined): Promise<Credential> {
    const hash = this.hashOf(authorization);
    const credential = await this.lookUp(hash).catch((error: unknown) => {
      throw new AppError('UNAVAILABLE', { what: 'The store of API keys' }, { cause: error });
    });
    if (!credential || credential.expiresAt <= this.clock.now()) throw new AppError('INVALID_CREDENTIAL');
    return credential;
  }

  /** The next request with this key asks the database. */
  forget(hash: string): void {
    this.known.delete(hash);
    this.pending.delete(hash);
  }

  private hashOf(authorization: string | undefined): string {
    if (authorization === undefined) throw new AppError('UNAUTHENTICATED');
    const key = keyOf(authorization);
    if (key === undefined) throw new AppError('INVALID_CREDENTIAL');
    return hashOf(key);
  }

  /** One query for all who ask for the same key at the same time. */
  private lookUp(hash: string): Promise<Credential | undefined> {
    const running = this.pending.get(hash);
    if (running) return running;
    const lookedUpAt = this.clock.now();
    const query = this.read(hash).then((credential) => {
      // Forgotten meanwhile: this answer may be older than the revocation, so it is good for one use only.
      if (this.pending.get(hash) !== query) return credential;
      if (credential) this.known.set(hash, { credential, lookedUpAt });
      else this.known.delete(hash);
      return credential;
    });
    this.pending.set(hash, query);
    const done = () => {
      if (this.pending.get(hash) === query) this.pending.delete(hash);
    };
    query.then(done, done);
    return query;
  }

  private async read(hash: string): Promise<Credential | undefined> {
    const wanted = Buffer.from(hash, 'hex');
    const rows = await this.db.system((tx) =>
      tx.query<CredentialRow[]>(
        `select k.id, k.hash, k.tenant_id, t.slug, k.roles, k.prefix, k.expires_at
           from api_keys k join tenants t on t.id = k.tenant_id
          where k.hash = $1 and k.revoked_at is null and not t.suspended`,
        [wanted],
      ),
    );
    const row = rows.find((candidate) => timingSafeEqual(candidate.hash, wanted));
    return row && toCredential(row);
  }
}
