export { storageEnv } from './env.js';
export { createStore } from './create-store.js';
export type { PackageStore, StoredFile } from './package-store.js';
export { FsStore } from './fs/store.js';
export { S3Store, type S3Options } from './s3/store.js';
