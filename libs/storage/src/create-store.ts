import { EnvError, type defineEnv, type EnvOf } from '@mortise/service-kit';
import type { storageEnv } from './env.js';
import { FsStore } from './fs/store.js';
import type { PackageStore } from './package-store.js';
import { S3Store } from './s3/store.js';

type StorageEnv = EnvOf<ReturnType<typeof defineEnv<typeof storageEnv>>>;

/**
 * The store the environment names.
 * @throws EnvError when STORAGE=s3 and something it needs is missing
 */
export function createStore(env: StorageEnv): PackageStore {
  if (env.STORAGE === 'fs') return new FsStore({ dir: env.STORAGE_DIR });
  const needed = {
    S3_ENDPOINT: env.S3_ENDPOINT,
    S3_ACCESS_KEY: env.S3_ACCESS_KEY,
    S3_SECRET_KEY: env.S3_SECRET_KEY,
  };
  const absent = Object.entries(needed).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (absent.length > 0) throw new EnvError(`STORAGE=s3 needs ${absent.join(', ')}: set them, or STORAGE=fs`);
  return new S3Store({
    endpoint: env.S3_ENDPOINT ?? '',
    bucket: env.S3_BUCKET,
    accessKey: env.S3_ACCESS_KEY ?? '',
    secretKey: env.S3_SECRET_KEY ?? '',
    region: env.S3_REGION,
  });
}
