import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { AppError } from '@mortise/service-kit';
import { Client, CopyDestinationOptions, CopySourceOptions } from 'minio';
import { assertDigest } from '../digest.js';
import { assertName, assertPrefix, isImmutable } from '../names.js';
import type { PackageStore, StoredFile } from '../package-store.js';

export interface S3Options {
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
  region: string;
  /** A request that hears nothing for so long is given up; default 10,000 ms. */
  silentMs?: number;
}

const silent = (ms: number) =>
  Object.assign(new Error(`S3 said nothing for ${ms} ms`), { code: 'ETIMEDOUT', syscall: 'read' });

/** minio waits for ever for a server that takes the connection and says nothing. */
const impatient = (secure: boolean, silentMs: number): Pick<typeof http, 'request'> => ({
  request: ((options: http.RequestOptions, answered: (response: http.IncomingMessage) => void) => {
    const request = (secure ? https : http).request(options, answered);
    request.setTimeout(silentMs, () => request.destroy(silent(silentMs)));
    return request;
  }) as typeof http.request,
});

const missing = new Set(['NoSuchKey', 'NotFound', 'NoSuchBucket']);
const isMissing = (error: unknown) => missing.has((error as { code?: string }).code ?? '');

/** A bucket of any S3. An upload appears when it is complete, that is S3's own promise. */
export class S3Store implements PackageStore {
  private readonly client: Client;
  private readonly bucket: string;
  private prepared: Promise<void> | undefined;

  constructor(private readonly o: S3Options) {
    const { protocol, hostname, port } = new URL(o.endpoint);
    const useSSL = protocol === 'https:';
    this.bucket = o.bucket;
    this.client = new Client({
      endPoint: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (useSSL ? 443 : 80) : Number(port),
      useSSL,
      accessKey: o.accessKey,
      secretKey: o.secretKey,
      region: o.region,
      transport: impatient(useSSL, o.silentMs ?? 10_000),
    });
  }

  async putFile(name: string, path: string, o: { digest?: string } = {}): Promise<void> {
    assertName(name);
    await this.prepare();
    if (o.digest !== undefined) await assertDigest(path, o.digest);
    if (await this.stands(name)) return;
    await this.client.fPutObject(this.bucket, name, path, { 'Content-Type': 'application/octet-stream' });
  }

  async read(name: string): Promise<Readable | undefined> {
    assertName(name);
    try {
      return await this.client.getObject(this.bucket, name);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async copy(from: string, to: string): Promise<void> {
    assertName(from);
    assertName(to);
    await this.prepare();
    if (!(await this.stat(from))) throw new AppError('NOT_FOUND', { what: from });
    if (await this.stands(to)) return;
    try {
      await this.client.copyObject(
        new CopySourceOptions({ Bucket: this.bucket, Object: from }),
        new CopyDestinationOptions({ Bucket: this.bucket, Object: to }),
      );
    } catch (error) {
      throw isMissing(error) ? new AppError('NOT_FOUND', { what: from }, { cause: error }) : error;
    }
  }

  async remove(name: string): Promise<void> {
    assertName(name);
    try {
      await this.client.removeObject(this.bucket, name);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async stat(name: string): Promise<{ sizeBytes: number; modifiedAt: Date } | undefined> {
    assertName(name);
    try {
      const { size, lastModified } = await this.client.statObject(this.bucket, name);
      return { sizeBytes: size, modifiedAt: lastModified };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async *list(prefix: string): AsyncIterable<StoredFile> {
    assertPrefix(prefix);
    await this.prepare();
    for await (const item of this.client.listObjectsV2(this.bucket, prefix, true) as AsyncIterable<{
      name?: string;
      lastModified?: Date;
    }>) {
      if (item.name !== undefined && item.lastModified !== undefined)
        yield { name: item.name, modifiedAt: item.lastModified };
    }
  }

  async ping(): Promise<void> {
    await this.prepare();
    if (!(await this.client.bucketExists(this.bucket)))
      throw new AppError('UNAVAILABLE', { what: 'The bucket of the package store' });
  }

  /** Makes the bucket when it is missing, once. */
  private prepare(): Promise<void> {
    this.prepared ??= (async () => {
      if (await this.client.bucketExists(this.bucket)) return;
      await this.client.makeBucket(this.bucket, this.o.region).catch((error: unknown) => {
        // Another service was faster.
        if ((error as { code?: string }).code !== 'BucketAlreadyOwnedByYou') throw error;
      });
    })();
    this.prepared.catch(() => (this.prepared = undefined));
    return this.prepared;
  }

  /** Is the name one that never changes, and taken? Two writers at once put the same bytes, so the race is harmless. */
  private async stands(name: string): Promise<boolean> {
    return isImmutable(name) && (await this.stat(name)) !== undefined;
  }
}
