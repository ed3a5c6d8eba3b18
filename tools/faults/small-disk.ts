import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const megabytes = 24;

/** A file system in memory that can be filled to its last byte. */
export class SmallDisk {
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** undefined where mounting is not allowed, as in most containers. */
  static async mount(folder: string): Promise<SmallDisk | undefined> {
    await mkdir(folder, { recursive: true });
    return run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'mortise-faults', folder]).then(
      () => new SmallDisk(folder),
      () => undefined,
    );
  }

  private get filler(): string {
    return join(this.folder, 'filler');
  }

  async fill(): Promise<void> {
    // Ends with ENOSPC, which is what it is for; what was written until then stays.
    await writeFile(this.filler, Buffer.alloc(megabytes * 1_048_576)).catch(() => {});
  }

  async free(): Promise<void> {
    await rm(this.filler, { force: true });
  }

  async unmount(): Promise<void> {
    await run('umount', ['-l', this.folder]).catch((error: unknown) => console.error(error));
  }
}
