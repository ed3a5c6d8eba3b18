import { field } from '@mortise/service-kit';

/** What a service with a database reads. */
export const databaseEnv = {
  DATABASE_URL: field.url({
    describe: 'PostgreSQL 18; the login may set the roles of its service (`mortise_<service>`, `..._system`)',
    protocols: ['postgres', 'postgresql'],
    secret: true,
    example: 'postgres://mortise:password@127.0.0.1:5432/mortise',
  }),
  DATABASE_POOL_SIZE: field.integer({
    describe: 'Connections of the pool; the relay of the outbox holds one more',
    default: 10,
    min: 1,
    max: 500,
  }),
};
