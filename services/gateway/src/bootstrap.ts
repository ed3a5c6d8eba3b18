import { Database } from '@mortise/database';
import { newId, type Clock, type Logger } from '@mortise/service-kit';
import { ApiKey } from './api-keys/api-key.entity.js';
import { hashOf, newKey, prefixOf } from './credentials/key.js';
import { Tenant } from './tenants/tenant.entity.js';

/** What a first start made; the key is nowhere else. */
export interface Bootstrapped {
  tenantId: string;
  key: string;
}

/**
 * Makes the tenant `demo` and a first key (platform-admin and tenant-admin) when there is no key at all. Needs the
 * migrated database only; run it before the services start, so that the tenant is in the snapshot they begin with.
 * @returns undefined when a key exists already
 */
export async function bootstrap(o: {
  url: string;
  logger: Logger;
  clock?: Clock;
}): Promise<Bootstrapped | undefined> {
  const db = await Database.connect({
    service: 'gateway',
    entities: [Tenant, ApiKey],
    poolSize: 1,
    ...o,
  });
  try {
    return await db.system(async (tx) => {
      // Two processes that start at once must not both find no key.
      await tx.query(`select pg_advisory_xact_lock(hashtext('mortise.gateway.bootstrap'))`);
      if ((await tx.count(ApiKey)) > 0) return undefined;
      const tenant =
        (await tx.findOneBy(Tenant, { slug: 'demo' })) ??
        (await tx.save(
          tx.create(Tenant, { id: newId(), slug: 'demo', name: 'Demo', suspended: false, revision: 1 }),
        ));
      const key = newKey();
      await tx.insert(ApiKey, {
        id: newId(),
        tenantId: tenant.id,
        prefix: prefixOf(key),
        hash: Buffer.from(hashOf(key), 'hex'),
        roles: ['platform-admin', 'tenant-admin'],
        createdBy: 'bootstrap',
        expiresAt: null,
        revokedAt: null,
      });
      return { tenantId: tenant.id, key };
    });
  } finally {
    await db.close();
  }
}
