import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@mortise/service-kit';

/** @throws AppError CHECKSUM_MISMATCH when the file's sha256 is another one */
export async function assertDigest(path: string, digest: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  if (hash.digest('hex') !== digest) throw new AppError('CHECKSUM_MISMATCH');
}
