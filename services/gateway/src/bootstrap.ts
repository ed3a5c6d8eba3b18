import { TenantState } from '@mortise/contracts';
import { Database, Outbox, type Tx } from '@mortise/database';
import { newId, type Clock, type Logger } from '@mortise/service-kit';
import { ApiKey } from './api-keys/api-key.entity.js';
import { entities } from './entities.js';
import { hashOf, newKey, prefixOf } from './credentials/key.js';
import { toTenantState } from './tenants/tenant-snapshot.js';
import { Tenant } from './tenants/tenant.entity.js';

export interface BootstrapOptions {
  /** Slug of the tenant the first key is good for; made when it is not there. */
  tenant: string;
  logger: Logger;
  clock?: Clock;
  /** The key to store, when the caller has written it down already; default: a new one. */
  key?: string;
}

/**
 * Makes the first key (platform-admin and tenant-admin) when there is no key at all. Needs the migrated database only;
 * a gateway that runs announces the tenant, one that starts later finds it.
 * @returns the key, which is nowhere else; undefined when a key exists already
 */
export async function bootstrap(url: string, o: BootstrapOptions): Promise<string | undefined> {
  const { logger } = o;
  const db = await Database.connect({
    url,
    service: 'gateway',
    entities,
    poolSize: 1,
    logger,
  });
  try {
    return await db.system(async (tx) => {
      // Two processes that start at once must not both find no key.
      await tx.query(`select pg_advisory_xact_lock(hashtext('mortise.gateway.bootstrap'))`);
      if ((await tx.count(ApiKey)) > 0) return undefined;
      const tenant =
        (await tx.findOneBy(Tenant, { slug: o.tenant })) ?? (await makeTenant(tx, outboxOf(db, o), o.tenant));
      const key = o.key ?? newKey();
      await tx.insert(ApiKey, {
        id: newId(o.clock),
        tenantId: tenant.id,
        prefix: prefixOf(key),
        hash: Buffer.from(hashOf(key), 'hex'),
        roles: ['platform-admin', 'tenant-admin'],
        createdBy: 'bootstrap',
        expiresAt: null,
        revokedAt: null,
      });
      return key;
    });
  } finally {
    await db.close();
  }
}

async function makeTenant(tx: Tx, outbox: Outbox, slug: string): Promise<Tenant> {
  const name = slug.charAt(0).toUpperCase() + slug.slice(1);
  const tenant = await tx.save(
    tx.create(Tenant, { id: newId(), slug, name, retentionDays: null, suspended: false, revision: 1 }),
  );
  await outbox.add(tx, TenantState, toTenantState(tenant), { tenantId: tenant.id });
  return tenant;
}

/** Writes rows only: the gateway's own outbox sends them. */
const outboxOf = (db: Database, { logger, clock }: BootstrapOptions): Outbox => {
  const elsewhere = () => Promise.reject(new Error('the gateway sends this row'));
  return new Outbox({
    db,
    bus: { send: elsewhere, redeliver: elsewhere },
    logger,
    ...(clock ? { clock } : {}),
  });
};
