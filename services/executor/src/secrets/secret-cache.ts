import { Redactor, type SecretSource } from '@mortise/capabilities';
import type { Principal, SecretValues } from '@mortise/contracts';
import { AppError, newId, principalHeader, signPrincipal } from '@mortise/service-kit';
import { LRUCache } from 'lru-cache';

const cachedInstallations = 10_000;
const answerWithinMs = 5_000;

/** Secrets of installations: fetched from the registry at first use, dropped when their revision changes. */
export class SecretCache implements SecretSource {
  private readonly cache = new LRUCache<string, Promise<SecretValues>>({ max: cachedInstallations });
  /** Kept when a value changes: an isolate may still hold the one before. */
  private readonly given = new LRUCache<string, Redactor>({ max: cachedInstallations });

  constructor(
    private readonly registryUrl: string,
    private readonly internalKey: string,
  ) {}

  async get(
    tenantId: string,
    installationId: string,
    revision: number,
    key: string,
  ): Promise<string | undefined> {
    const cached = await this.cache.get(installationId)?.catch(() => undefined);
    const current =
      cached && cached.revision >= revision ? cached : await this.fetchOnce(tenantId, installationId);
    const value = Object.hasOwn(current.values, key) ? current.values[key] : undefined;
    if (value !== undefined) this.remember(installationId, value);
    return value;
  }

  /** Masks what this process has given to any execution of the installation: isolates outlive executions. */
  redactor(installationId: string): Redactor {
    return new Redactor(this.given.get(installationId));
  }

  private remember(installationId: string, value: string): void {
    const known = this.given.get(installationId);
    if (known) known.add(value);
    else {
      const first = new Redactor();
      first.add(value);
      this.given.set(installationId, first);
    }
  }

  forget(installationId: string): void {
    this.cache.delete(installationId);
  }

  private async fetchOnce(tenantId: string, installationId: string): Promise<SecretValues> {
    const fetched = this.fetch(tenantId, installationId);
    this.cache.set(installationId, fetched);
    try {
      return await fetched;
    } catch (error) {
      if (this.cache.get(installationId) === fetched) this.cache.delete(installationId);
      throw error;
    }
  }

  private async fetch(tenantId: string, installationId: string): Promise<SecretValues> {
    const url = new URL(`/internal/installations/${installationId}/secrets`, this.registryUrl);
    url.searchParams.set('tenantId', tenantId);
    const executor: Principal = {
      tenantId,
      tenantSlug: '',
      roles: [],
      subject: 'service:executor',
      requestId: newId(),
    };
    const answer = await fetch(url, {
      headers: { [principalHeader]: signPrincipal(this.internalKey, executor) },
      signal: AbortSignal.timeout(answerWithinMs),
    }).catch((cause: unknown) => {
      throw new AppError('UNAVAILABLE', { what: 'The secret store' }, { cause });
    });
    if (!answer.ok) throw new AppError('UNAVAILABLE', { what: 'The secret store' });
    return (await answer.json()) as SecretValues;
  }
}
