import { baseEnv, defineEnv, field, type EnvOf } from '@mortise/service-kit';

const { LOG_LEVEL, METRICS_PORT, MORTISE_MODE } = baseEnv;
const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER_ARG } = baseEnv;

/** What `make start` reads beyond what the services it starts read themselves. */
export const standaloneEnv = defineEnv({
  HOST: field.string({ describe: 'Address the API listens on', default: '127.0.0.1' }),
  PORT: field.integer({ describe: 'Port of the API', default: 8080, min: 1, max: 65_535 }),
  MORTISE_DATA_DIR: field.string({
    describe: 'Folder of the database, the packages, the keys and the log',
    default: '.mortise',
  }),
  DATABASE_URL: field.url({
    describe: 'A PostgreSQL to use instead of the embedded one',
    optional: true,
    protocols: ['postgres', 'postgresql'],
    secret: true,
    example: 'postgres://mortise@127.0.0.1:5432/mortise',
  }),
  LOG_LEVEL,
  METRICS_PORT,
  MORTISE_MODE,
  OTEL_EXPORTER_OTLP_ENDPOINT,
  OTEL_EXPORTER_OTLP_HEADERS,
  OTEL_TRACES_SAMPLER_ARG,
});
export type StandaloneEnv = EnvOf<typeof standaloneEnv>;
