import type { MigrationSet } from '@mortise/database';

/** The gateway's schema: tenants and API keys. */
export const migrations: MigrationSet = { service: 'gateway', directory: new URL('./', import.meta.url) };
