import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readEntry } from '@mortise/bundle';
import { sourceOf, type Source } from '@mortise/sandbox';
import { AppError } from '@mortise/service-kit';
import type { PackageStore } from '@mortise/storage';
import { LRUCache } from 'lru-cache';

const cachedBytes = 64 * 1_048_576;
/** A store that stops in the middle must not hold every run of the package for ever. */
const fetchedWithinMs = 10_000;

/** Larger ones stay out of memory: stacks then name the bundle. */
const mostMapBytes = 4 * 1_048_576;

/** A main file with its source map, where the package has one. */
export interface PackageSource extends Source {
  map?: string;
}

/** The main files of packages, fetched from the package store at first use and checked against their digest. */
export class Sources {
  private readonly cache = new LRUCache<string, PackageSource>({
    maxSize: cachedBytes,
    sizeCalculation: ({ code, map }) => code.length + (map?.length ?? 0) + 1,
  });
  private readonly loading = new Map<string, Promise<PackageSource>>();

  /** @param folder for packages while they are read */
  constructor(
    private readonly store: Pick<PackageStore, 'read'>,
    private readonly folder: string,
    private readonly withinMs = fetchedWithinMs,
  ) {}

  /** @throws AppError UNAVAILABLE; INTEGRITY when the store has something else in its place */
  async load(digest: string, main: string): Promise<PackageSource> {
    const key = `${digest}/${main}`;
    const known = this.cache.get(key);
    if (known) return known;
    const loading =
      this.loading.get(key) ??
      this.read(`packages/${digest}`, digest, main).finally(() => this.loading.delete(key));
    this.loading.set(key, loading);
    const source = await loading;
    this.cache.set(key, source);
    return source;
  }

  /** The main file of any object of the store, not kept. */
  async read(object: string, digest: string, main: string): Promise<PackageSource> {
    const folder = await mkdtemp(join(this.folder, 'mortise-package-'));
    try {
      const path = join(folder, 'package');
      await this.downloadIntact(object, digest, path);
      const code = await readEntry(path, main);
      if (!code) throw new AppError('UNAVAILABLE', { what: `The file ${main} of the package` });
      const map = await readEntry(path, `${main}.map`);
      return {
        ...sourceOf(main, code),
        ...(map && map.length <= mostMapBytes && { map: map.toString('utf8') }),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async downloadIntact(object: string, digest: string, path: string): Promise<void> {
    // Read twice before anybody is accused: a byte may have gone wrong on the way.
    if ((await this.download(object, path)) === digest) return;
    const found = await this.download(object, path);
    if (found !== digest) throw new AppError('INTEGRITY', { digest, found });
  }

  /** @returns its sha256 */
  private async download(object: string, path: string): Promise<string> {
    const signal = AbortSignal.timeout(this.withinMs);
    const stream = await this.open(object, signal);
    if (!stream) throw new AppError('UNAVAILABLE', { what: `The package ${object}` });
    const hash = createHash('sha256');
    const hashing = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(stream, hashing, createWriteStream(path, { mode: 0o600 }), { signal }).catch(
      (cause: unknown) => {
        throw signal.aborted ? new AppError('UNAVAILABLE', { what: 'The package store' }, { cause }) : cause;
      },
    );
    return hash.digest('hex');
  }

  private async open(object: string, signal: AbortSignal): Promise<Readable | undefined> {
    const opening = this.store.read(object);
    const late = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => {
      late.reject(new AppError('UNAVAILABLE', { what: 'The package store' }));
      opening.then((stream) => stream?.destroy()).catch(() => {});
    });
    return Promise.race([opening, late.promise]);
  }
}
