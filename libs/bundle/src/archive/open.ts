import { open, type FileHandle } from 'node:fs/promises';
import { intake } from '@mortise/contracts';
import { refuse } from '../refusal.js';
import type { ArchiveEntry } from './entry.js';
import { gunzip } from './gzip.js';
import { Ledger } from './ledger.js';
import { tarEntries } from './tar.js';
import { zipEntries } from './zip.js';

/** The files of a package on disk, one after the other, held to every cap; throws Refused. */
export async function* archiveEntries(path: string): AsyncGenerator<ArchiveEntry> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > intake.uploadBytes) {
      throw refuse('PACKAGE_TOO_LARGE', 'archive-size', `it is larger than ${intake.uploadBytes} bytes`);
    }
    yield* await reader(file, size);
  } finally {
    await file.close();
  }
}

async function reader(file: FileHandle, sizeBytes: number): Promise<AsyncGenerator<ArchiveEntry>> {
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  const magic = buffer.toString('latin1');
  const ledger = new Ledger(sizeBytes);
  if (magic.startsWith('PK')) return zipEntries(file, sizeBytes, ledger);
  if (magic.startsWith('\x1f\x8b')) return tarEntries(gunzip(file, sizeBytes), sizeBytes, ledger);
  if (await endsAsZip(file, sizeBytes)) {
    throw refuse('PACKAGE_INVALID', 'archive-corrupt', 'something precedes the zip archive');
  }
  throw refuse('PACKAGE_INVALID', 'archive-format', 'it is neither a zip nor a tar.gz archive');
}

async function endsAsZip(file: FileHandle, sizeBytes: number): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(22), 0, 22, Math.max(0, sizeBytes - 22));
  return bytesRead === 22 && buffer.readUInt32LE(0) === 0x06054b50;
}
