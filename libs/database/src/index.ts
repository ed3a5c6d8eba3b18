export { databaseEnv } from './env.js';
export { Database, type DatabaseOptions, type Tx } from './database.js';
export { connect, databaseOf, isUniqueViolation } from './connection.js';
export { migrate } from './migrate.js';
export { type MigrationSet } from './migration-files.js';
export { catalogueProblems, tablesWithoutTenant } from './catalogue.js';
export { systemRole, tenantRole } from './roles.js';
export { Outbox, type OutboxMeta, type OutboxOptions } from './outbox/outbox.js';
export { type RelayBus } from './outbox/relay.js';
export { Inbox, type InboxAnswer, type InboxEvent } from './inbox.js';
export { Partitions, type Grain, type PartitionedTable } from './partitions.js';
export {
  startEmbeddedPostgres,
  EmbeddedPostgresError,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded/start.js';
export { placeOf, toPage, type Place } from './page.js';
