import { createHash, randomUUID } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { access, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { intake } from '@mortise/contracts';
import { AppError, folderTrouble, makeFolder, systemClock } from '@mortise/service-kit';

export interface Spooled {
  path: string;
  digest: string;
  sizeBytes: number;
}

const staleMs = 3_600_000;
const prefix = 'mortise-upload-';

/** Uploads on local disk while they are read: zip needs random access, and memory must not hold 50 MB a caller. */
export class Spool {
  constructor(private readonly folder: string) {}

  /**
   * Removes what processes that died left behind.
   * @throws Error with one sentence when the folder cannot be used
   */
  async sweep(): Promise<void> {
    try {
      await makeFolder(this.folder);
      await access(this.folder, constants.W_OK);
    } catch (error) {
      throw new Error(
        `Uploads cannot be spooled to ${this.folder} (${folderTrouble(error)}): name a writable folder in REGISTRY_SPOOL_DIR`,
        { cause: error },
      );
    }
    for (const name of await readdir(this.folder)) {
      if (!name.startsWith(prefix)) continue;
      const path = join(this.folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (systemClock.now() - mtimeMs > staleMs) await rm(path, { force: true });
    }
  }

  /**
   * Writes the stream to a file, hashing on the way. The caller removes it.
   * @throws AppError PACKAGE_TOO_LARGE; nothing stays then
   */
  async write(source: Readable): Promise<Spooled> {
    const path = join(this.folder, `${prefix}${randomUUID()}`);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    try {
      await pipeline(
        source,
        async function* (chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            sizeBytes += chunk.length;
            if (sizeBytes > intake.uploadBytes)
              throw new AppError('PACKAGE_TOO_LARGE', { reason: `more than ${intake.uploadBytes} bytes` });
            hash.update(chunk);
            yield chunk;
          }
        },
        createWriteStream(path, { mode: 0o600 }),
      );
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    return { path, digest: hash.digest('hex'), sizeBytes };
  }

  remove = (spooled: Spooled): Promise<void> => rm(spooled.path, { force: true });
}
