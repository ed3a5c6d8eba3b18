import { busEnv } from '@mortise/bus';
import { databaseEnv } from '@mortise/database';
import { baseEnv, defineEnv, field, type EnvOf } from '@mortise/service-kit';

/** What the gateway reads. */
export const gatewayEnv = defineEnv({
  ...baseEnv,
  ...busEnv,
  ...databaseEnv,
  PORT: field.integer({ describe: 'Port of the public API', default: 8080, min: 0, max: 65_535 }),
  REGISTRY_URL: field.url({
    describe: 'Where the registry answers internal HTTP',
    default: 'http://127.0.0.1:8081',
    example: 'http://registry:8081',
  }),
  SCHEDULER_URL: field.url({
    describe: 'Where the scheduler answers internal HTTP',
    default: 'http://127.0.0.1:8082',
    example: 'http://scheduler:8082',
  }),
});
export type GatewayEnv = EnvOf<typeof gatewayEnv>;
