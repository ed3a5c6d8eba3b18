import { busEnv } from '@mortise/bus';
import { databaseEnv } from '@mortise/database';
import { baseEnv, defineEnv, field, type EnvOf } from '@mortise/service-kit';
import { storageEnv } from '@mortise/storage';

/** What the registry reads. */
export const registryEnv = defineEnv({
  ...baseEnv,
  ...busEnv,
  ...databaseEnv,
  ...storageEnv,
  PORT: field.integer({ describe: 'Port of internal HTTP', default: 8081, min: 0, max: 65_535 }),
  MORTISE_MASTER_KEY: field.string({
    describe: "Seals the tenants' data keys: 32 bytes in hex; losing it loses every stored secret",
    secret: true,
    pattern: /^[0-9a-f]{64}$/i,
    example: '<openssl rand -hex 32>',
  }),
  REGISTRY_SPOOL_DIR: field.string({
    describe:
      "Folder that uploads are spooled to while they are read; default: the system's temporary folder",
    optional: true,
    example: '/var/spool/mortise',
  }),
  EXECUTIONS_KEEP_DAYS: field.integer({
    describe: 'Days that records of executions are kept',
    default: 90,
    min: 7,
    max: 3_650,
  }),
  LOGS_KEEP_DAYS: field.integer({
    describe: "Days that plugins' logs are kept",
    default: 30,
    min: 1,
    max: 3_650,
  }),
  CRASH_BUDGET_KILLS: field.integer({
    describe: 'An installation is suspended when it had so many workers killed',
    default: 5,
    min: 1,
    max: 1_000,
  }),
  CRASH_BUDGET_MINUTES: field.integer({
    describe: 'Within so many minutes',
    default: 10,
    min: 1,
    max: 1_440,
  }),
  CRASH_BUDGET_TENANTS: field.integer({
    describe: 'A package that was suspended in so many tenants within a day is quarantined in all',
    default: 3,
    min: 1,
    max: 1_000,
  }),
});
export type RegistryEnv = EnvOf<typeof registryEnv>;
