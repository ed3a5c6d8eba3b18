import type { MigrationSet } from '@mortise/database';

/** The scheduler's tables: schedules and what they fired. */
export const migrations: MigrationSet = {
  service: 'scheduler',
  directory: new URL('./migrations/', import.meta.url),
};
