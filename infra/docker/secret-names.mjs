// Settings that a container may give as NAME_FILE: a file that holds the value.
export const secretNames = [
  'DATABASE_URL',
  'KAFKA_SASL_PASSWORD',
  'MORTISE_INTERNAL_KEY',
  'MORTISE_MASTER_KEY',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'S3_ACCESS_KEY',
  'S3_SECRET_KEY',
];
