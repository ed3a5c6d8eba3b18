import type { MigrationSet } from '@mortise/database';

/** The registry's schema. */
export const migrations: MigrationSet = { service: 'registry', directory: new URL('./', import.meta.url) };
