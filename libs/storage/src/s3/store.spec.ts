import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { s3Available, startS3, type S3Server } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { storeContract } from '../store.contract.js';
import { S3Store } from './store.js';

const available = await s3Available();
// Loud on purpose: a green run without S3 must not look like one with it.
if (!available.ok) console.warn(`S3 tests are left out: ${available.reason}`);

it.runIf(!available.ok && inject('requireCluster'))(
  'has an S3 server, because REQUIRE_CLUSTER=1 asks for it',
  () => {
    expect.fail(available.ok ? '' : available.reason);
  },
);

describe.runIf(available.ok)('against versitygw', () => {
  let server: S3Server;
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mortise-s3-'));
    server = await startS3({ dir });
  }, 300_000);
  afterAll(async () => {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  });

  storeContract(() => new S3Store(server));

  it('makes the bucket when it is missing, also when two services ask at once', async () => {
    const open = () => new S3Store({ ...server, bucket: 'fresh' });
    await Promise.all([open().ping(), open().ping(), open().ping()]);
  });

  it('refuses a wrong key instead of reporting an empty store', async () => {
    const store = new S3Store({ ...server, secretKey: 'wrong-secret' });

    await expect(store.stat('packages/a')).rejects.toThrow();
    await expect(store.ping()).rejects.toThrow();
  });
});

describe('an S3 server that falls silent', () => {
  it('is given up instead of waited for', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const store = new S3Store({
      endpoint: `http://127.0.0.1:${port}`,
      bucket: 'packages',
      accessKey: 'key',
      secretKey: 'secret',
      region: 'us-east-1',
      silentMs: 50,
    });

    await expect(store.stat('packages/a')).rejects.toThrow('S3 said nothing for 50 ms');
    await expect(store.read('packages/a')).rejects.toThrow('S3 said nothing for 50 ms');
    server.close();
  });
});
