import type { MigrationSet } from '@mortise/database';

/** The executor's tables: claims of background runs, plugins' storage and cache. */
export const migrations: MigrationSet = {
  service: 'executor',
  directory: new URL('./migrations/', import.meta.url),
};
