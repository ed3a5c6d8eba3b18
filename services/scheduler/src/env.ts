import { busEnv } from '@mortise/bus';
import { databaseEnv } from '@mortise/database';
import { baseEnv, defineEnv, field, type EnvOf } from '@mortise/service-kit';

/** Everything the scheduler reads from the environment. */
export const schedulerEnv = defineEnv({
  ...baseEnv,
  ...busEnv,
  ...databaseEnv,
  PORT: field.integer({
    describe: 'Port the internal HTTP listens on; 0 takes a free one',
    default: 8082,
    max: 65_535,
  }),
});
export type SchedulerEnv = EnvOf<typeof schedulerEnv>;
