import type { Readable } from 'node:stream';
import { systemClock } from '@mortise/service-kit';
import type { PackageStore } from '@mortise/storage';
import type { Spooled } from './spool.js';

const staleMs = 3_600_000;
const packageName = (digest: string) => `packages/${digest}`;

/** Packages in the store: staged while they are checked, then under their digest for good. */
export class Packages {
  constructor(private readonly store: PackageStore) {}

  async stage(uploadId: string, spooled: Spooled): Promise<string> {
    const object = `staging/${uploadId}`;
    await this.store.putFile(object, spooled.path, { digest: spooled.digest });
    return object;
  }

  keep = (object: string, digest: string): Promise<void> => this.store.copy(object, packageName(digest));
  unstage = (object: string): Promise<void> => this.store.remove(object);
  read = (digest: string): Promise<Readable | undefined> => this.store.read(packageName(digest));

  /** Removes what uploads that died left behind. */
  async sweep(): Promise<void> {
    for await (const { name, modifiedAt } of this.store.list('staging/')) {
      if (systemClock.now() - modifiedAt.getTime() > staleMs) await this.store.remove(name);
    }
  }
}
