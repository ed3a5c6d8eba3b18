import { TenantState, type EventDefinition, type TenantStateData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { MoreThan } from 'typeorm';
import { Tenant } from './tenant.entity.js';

export const toTenantState = (tenant: Tenant): TenantStateData => ({
  tenantId: tenant.id,
  slug: tenant.slug,
  name: tenant.name,
  suspended: tenant.suspended,
  ...(tenant.retentionDays !== null && { retentionDays: tenant.retentionDays }),
  revision: tenant.revision,
});

const pageRows = 500;

/** Every tenant's state, in pages: a transaction is not kept open while somebody consumes. */
export async function* tenantStates(db: Database): AsyncGenerator<TenantStateData> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const page = await db.system((tx) =>
      tx.find(Tenant, { where: { id: MoreThan(after) }, order: { id: 'asc' }, take: pageRows }),
    );
    for (const tenant of page) yield toTenantState(tenant);
    const last = page.at(-1);
    if (!last || page.length < pageRows) return;
    after = last.id;
  }
}

/** The state topics the gateway owns, with all their rows: what `topics seed` writes. */
export const snapshot = (db: Database): { def: EventDefinition; rows: AsyncIterable<object> }[] => [
  { def: TenantState as unknown as EventDefinition, rows: tenantStates(db) },
];
