import { field } from '@mortise/service-kit';

/** Where packages are kept. */
export const storageEnv = {
  STORAGE: field.choice(['fs', 's3'], {
    describe: 'Package store: a folder, or a bucket of any S3',
    default: 'fs',
  }),
  STORAGE_DIR: field.string({
    describe: 'STORAGE=fs: the folder; all services must see the same one',
    default: '.mortise/packages',
  }),
  S3_ENDPOINT: field.url({
    describe: 'STORAGE=s3: the server',
    optional: true,
    example: 'http://127.0.0.1:9000',
  }),
  S3_BUCKET: field.string({
    describe: 'STORAGE=s3: the bucket; made when it is missing',
    default: 'mortise-packages',
  }),
  S3_ACCESS_KEY: field.string({ describe: 'STORAGE=s3: access key id', optional: true }),
  S3_SECRET_KEY: field.string({ describe: 'STORAGE=s3: secret access key', optional: true, secret: true }),
  S3_REGION: field.string({ describe: 'STORAGE=s3: region', default: 'us-east-1' }),
};
