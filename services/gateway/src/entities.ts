import { ApiKey } from './api-keys/api-key.entity.js';
import { Tenant } from './tenants/tenant.entity.js';

/** The aggregates that TypeORM maps. */
export const entities = [Tenant, ApiKey];
