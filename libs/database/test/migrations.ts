import type { MigrationSet } from '../src/migration-files.js';

/** Two tables of a registry that exists only in tests: one plain, one partitioned by time. */
export const testMigrations: MigrationSet[] = [
  { service: 'registry', directory: new URL('./migrations/registry/', import.meta.url) },
];

export const tenantA = '0190a000-0000-7000-8000-00000000000a';
export const tenantB = '0190a000-0000-7000-8000-00000000000b';
