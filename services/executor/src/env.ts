import { busEnv } from '@mortise/bus';
import { databaseEnv } from '@mortise/database';
import { baseEnv, defineEnv, field, type EnvOf } from '@mortise/service-kit';
import { storageEnv } from '@mortise/storage';

/** Everything the executor reads from the environment. */
export const executorEnv = defineEnv({
  ...baseEnv,
  ...busEnv,
  ...databaseEnv,
  ...storageEnv,
  PORT: field.integer({
    describe: 'Port of the health answers; 0 takes a free one',
    default: 8083,
    max: 65_535,
  }),
  REGISTRY_URL: field.url({
    describe: 'Where the registry answers: secrets are fetched there at first use',
    default: 'http://127.0.0.1:8081',
  }),
  EXECUTOR_WALLS: field.choice(['prefer', 'require', 'off'], {
    describe: 'Namespaces around each worker: use them where they work, demand them, or leave them',
    default: 'prefer',
  }),
  EXECUTOR_JITLESS: field.boolean({
    describe:
      "Interpret plugins instead of compiling them: several times slower where they compute, without the compiler's bugs; WebAssembly plugins do not run",
    default: false,
  }),
  EXECUTOR_CORDON: field.choice(['tenant', 'tier', 'plugin'], {
    describe:
      'Whose code may share a worker process: that of one tenant, that of one tier of trust, or that of one plugin of one tenant. Nothing is verified yet, and unverified code never shares a process with code of another tenant: tier does what tenant does',
    default: 'tenant',
  }),
  EXECUTOR_WORKERS: field.integer({
    describe: 'Most worker processes at a time; default as fit into a quarter of the memory, 8 to 64',
    optional: true,
    min: 1,
    max: 1_024,
  }),
  EXECUTOR_WORKERS_PER_CORDON: field.integer({
    describe: 'Workers of one cordon, for machines where one tenant needs more than one processor',
    default: 1,
    min: 1,
    max: 64,
  }),
  EXECUTOR_ISOLATES_MB: field.integer({
    describe: 'Memory of warm plugins at rest, all workers together; default a quarter of the memory',
    optional: true,
    min: 16,
  }),
  EXECUTOR_RECYCLE_EXECUTIONS: field.integer({
    describe: 'A worker hands over to a fresh one after so many executions',
    default: 1_000_000,
    min: 1,
  }),
  EXECUTOR_RECYCLE_MB: field.integer({
    describe: 'A worker hands over to a fresh one when it takes more than this beside what runs in it',
    default: 1_024,
    min: 128,
  }),
  EXECUTOR_PREWARM: field.integer({
    describe:
      'Packages loaded at a time when installations become active, before their first call; 0 loads none',
    default: 2,
    min: 0,
    max: 64,
  }),
  EXECUTOR_BACKGROUND_SLOTS: field.integer({
    describe: 'Background executions at the same time in this process',
    default: 64,
    min: 1,
    max: 4_096,
  }),
  EXECUTOR_BACKGROUND_ROOM: field.integer({
    describe:
      'Background executions that may wait in memory for a slot; a tenant that takes more than the others leave it is put off',
    default: 2_048,
    min: 1,
    max: 65_536,
  }),
  EXECUTOR_INTERACTIVE_SLOTS: field.integer({
    describe: 'Executions that somebody waits for at the same time in this process',
    default: 1_024,
    min: 1,
    max: 65_536,
  }),
  EXECUTOR_TENANT_PERCENT: field.integer({
    describe: 'Part of the slots of either kind that one tenant may hold',
    default: 50,
    min: 1,
    max: 100,
  }),
  EXECUTOR_EGRESS_ALLOW_PRIVATE: field.list({
    describe:
      'Ranges of private networks that requests of plugins may reach beside public addresses; loopback only outside production, addresses of cloud metadata never',
    default: [],
    example: '10.20.0.0/16',
  }),
  EXECUTOR_EGRESS_DNS: field.list({
    describe:
      'DNS servers that the hosts of plugins are looked up at, each address or address:port; default those of the system',
    default: [],
    example: '10.0.0.53',
  }),
  EXECUTOR_EGRESS_PER_MINUTE: field.integer({
    describe: 'Network requests of one installation in a minute, in this process',
    default: 600,
    min: 1,
    max: 1_000_000,
  }),
  EXECUTOR_LEASE_MS: field.integer({
    describe: 'How long a background run stays claimed by a process that no longer renews it',
    default: 10_000,
    min: 500,
    max: 600_000,
  }),
});
export type ExecutorEnv = EnvOf<typeof executorEnv>;
