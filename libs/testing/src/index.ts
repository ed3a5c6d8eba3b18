export { FakeClock } from './clock.js';
export { until } from './until.js';
export { emptyDatabase, postgresUrl, testDatabase, type TestDatabase } from './database.js';
export { buildPackage, type PackageParts } from './package-builder.js';
export { cacheDir } from './cache.js';
export { s3Available, startS3, type S3Server } from './s3.js';
export { forkModule } from './child.js';
export { startKafka, type KafkaOptions, type KafkaServer } from './kafka.js';
export { kafkaAvailable } from './kafka-libs.js';
