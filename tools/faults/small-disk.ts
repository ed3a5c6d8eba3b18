import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canMount, mountTmpfs } from '@mortise/testing';

const sizeMb = 24;

/** A file system in memory that can be filled to its last byte. */
export class SmallDisk {
  readonly unmount: () => void;
  private readonly filler: string;

  private constructor(folder: string) {
    this.unmount = mountTmpfs(folder, { sizeMb });
    this.filler = join(folder, 'filler');
  }

  /** undefined, and said aloud, where mounting is not allowed, as in most containers. */
  static mount = (folder: string): SmallDisk | undefined =>
    canMount('the fault "disk full in the package store"') ? new SmallDisk(folder) : undefined;

  async fill(): Promise<void> {
    // Ends with ENOSPC, which is what it is for; what was written until then stays.
    await writeFile(this.filler, Buffer.alloc(sizeMb * 1_048_576)).catch(() => {});
  }

  async free(): Promise<void> {
    await rm(this.filler, { force: true });
  }
}
