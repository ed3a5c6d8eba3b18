import type { StateTable } from '@mortise/bus';
import type { TenantStateData } from '@mortise/contracts';

/** Whose slug a name is: a publisher called like a tenant is that tenant's, before its first upload too. */
export class TenantNames {
  constructor(private readonly tenants: StateTable<TenantStateData>) {}

  /** The tenant of that slug, or undefined. */
  async ownerOf(slug: string): Promise<string | undefined> {
    await this.tenants.caughtUp;
    for (const tenant of this.tenants.values()) if (tenant.slug === slug) return tenant.tenantId;
    return undefined;
  }
}
