import { field } from './fields.js';

/** What every service reads. */
export const baseEnv = {
  HOST: field.string({ describe: 'Address the HTTP server listens on', default: '127.0.0.1' }),
  LOG_LEVEL: field.choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], {
    describe: 'Least level that is logged',
    default: 'info',
  }),
  METRICS_PORT: field.integer({
    describe: 'Port of /metrics (Prometheus text); 0 serves none',
    default: 9464,
    min: 0,
    max: 65_535,
  }),
  MORTISE_INSTANCE_ID: field.string({
    describe: 'Stable name of this process; default: host name and pid',
    optional: true,
    example: 'gateway-0',
    pattern: /^[\w.-]{1,64}$/,
  }),
  MORTISE_INTERNAL_KEY: field.string({
    describe:
      'Signs what services tell each other about the caller; the same in all services, 32 characters or more',
    secret: true,
    example: '<openssl rand -hex 32>',
    pattern: /^.{32,}$/,
  }),
  MORTISE_MODE: field.choice(['development', 'production'], {
    describe: 'production creates nothing by itself and refuses development defaults',
    default: 'development',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: field.url({
    describe: 'Collector that takes traces by OTLP over HTTP (JSON); without it nothing is traced',
    optional: true,
    example: 'http://otel-collector:4318',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: field.string({
    describe: 'Headers for the collector, as name=value pairs with commas between them',
    optional: true,
    secret: true,
    example: 'authorization=Bearer%20<token>',
  }),
  OTEL_TRACES_SAMPLER_ARG: field.string({
    describe: 'Share of the requests that are traced where the caller does not decide it: 0 to 1',
    default: '1',
    example: '0.1',
    pattern: /^(0(\.\d+)?|1(\.0+)?)$/,
  }),
};
