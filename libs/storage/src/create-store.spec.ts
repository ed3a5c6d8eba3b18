import { defineEnv, loadEnv } from '@mortise/service-kit';
import { expect, it } from 'vitest';
import { createStore } from './create-store.js';
import { storageEnv } from './env.js';
import { FsStore } from './fs/store.js';
import { S3Store } from './s3/store.js';

const open = (source: Record<string, string>) => createStore(loadEnv(defineEnv(storageEnv), source));

it('opens a folder by default and a bucket when asked', () => {
  expect(open({})).toBeInstanceOf(FsStore);
  expect(
    open({ STORAGE: 's3', S3_ENDPOINT: 'http://127.0.0.1:1', S3_ACCESS_KEY: 'a', S3_SECRET_KEY: 'b' }),
  ).toBeInstanceOf(S3Store);
});

it('names what STORAGE=s3 lacks', () => {
  expect(() => open({ STORAGE: 's3', S3_ENDPOINT: 'http://127.0.0.1:1' })).toThrow(
    'STORAGE=s3 needs S3_ACCESS_KEY, S3_SECRET_KEY',
  );
});
