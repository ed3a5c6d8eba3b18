import { field, type EnvOf, type EnvSpec } from '@mortise/service-kit';

/** What a process needs to reach the bus. */
export const busEnv = {
  BUS: field.choice(['memory', 'kafka'], {
    describe: 'memory: all services in one process; kafka: a cluster',
    default: 'memory',
  }),
  KAFKA_BROKERS: field.list({
    describe: 'Bootstrap brokers of the Kafka cluster',
    default: ['127.0.0.1:9092'],
    example: 'kafka-0:9092,kafka-1:9092',
  }),
  MORTISE_TOPIC_PREFIX: field.string({
    describe: 'Stands before every topic and consumer group, so that installations can share a cluster',
    default: 'mortise.',
    pattern: /^[\w.-]{0,64}$/,
  }),
  KAFKA_PARTITION_SCALE: field.integer({
    describe: 'Percent of the partitions of the topic table: 100 on a full cluster, 25 on a small one',
    default: 100,
    min: 1,
    max: 100,
    example: '25',
  }),
  KAFKA_REPLICATION_FACTOR: field.integer({
    describe:
      'Copies of each topic that `topics create` asks for; default: 3, or the number of brokers if fewer',
    optional: true,
    min: 1,
    max: 9,
    example: '3',
  }),
  KAFKA_TLS: field.boolean({ describe: 'Connect to the brokers by TLS', default: false }),
  KAFKA_TLS_CA_FILE: field.string({
    describe:
      'PEM file of the authority that signed the certificates of the brokers; default: the public ones',
    optional: true,
    example: '/etc/mortise/kafka-ca.pem',
  }),
  KAFKA_SASL_MECHANISM: field.choice(['none', 'plain', 'scram-sha-256', 'scram-sha-512'], {
    describe: 'How to log in to the brokers',
    default: 'none',
  }),
  KAFKA_SASL_USERNAME: field.string({ describe: 'User of the login to the brokers', optional: true }),
  KAFKA_SASL_PASSWORD: field.string({
    describe: 'Password of the login to the brokers',
    optional: true,
    secret: true,
    example: '<password>',
  }),
};

export type BusEnv = EnvOf<EnvSpec<typeof busEnv>>;
