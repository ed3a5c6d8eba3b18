import type { FileHandle } from 'node:fs/promises';
import { intake } from '@mortise/contracts';
import { refuse } from '../refusal.js';
import { tooManyEntries } from './ledger.js';

const endBytes = 22;
const endSignature = 0x06054b50;
const localBytes = 30;
const localSignature = 0x04034b50;
/** Names above the cap are refused anyway; this many bytes are enough to see that. */
const nameBytes = intake.pathLength * 4 + 1;

export interface CentralEnd {
  entries: number;
  directoryStart: number;
  directoryBytes: number;
}

/**
 * The end record, which must be the last bytes of the file (so without a comment) and right behind the directory.
 * Zip64 is refused: nothing under the upload cap needs it.
 */
export async function readCentralEnd(file: FileHandle, sizeBytes: number): Promise<CentralEnd> {
  const record = await readAt(file, sizeBytes - endBytes, endBytes);
  if (record?.readUInt32LE(0) !== endSignature) {
    throw corrupt('it does not end with its directory: it is truncated, or something follows it');
  }
  const entries = record.readUInt16LE(10);
  const directoryBytes = record.readUInt32LE(12);
  const directoryStart = record.readUInt32LE(16);
  if (entries > intake.entries) throw tooManyEntries();
  if (record.readUInt16LE(20) !== 0) throw corrupt('it has a comment: bytes outside of files are not taken');
  if (record.readUInt32LE(4) !== 0 || record.readUInt16LE(8) !== entries)
    throw corrupt('it is one part of several');
  if (directoryStart + directoryBytes !== sizeBytes - endBytes) {
    throw corrupt('its directory is not where its end record says: something precedes or follows it');
  }
  return { entries, directoryStart, directoryBytes };
}

export interface LocalHeader {
  name: Buffer;
  flags: number;
  method: number;
  crc: number;
  packedBytes: number;
  sizeBytes: number;
  dataStart: number;
}

/** The header before an entry's data; undefined where there is none. */
export async function readLocalHeader(file: FileHandle, start: number): Promise<LocalHeader | undefined> {
  const header = await readAt(file, start, localBytes);
  if (header?.readUInt32LE(0) !== localSignature) return undefined;
  const length = header.readUInt16LE(26);
  const name = await readAt(file, start + localBytes, Math.min(length, nameBytes));
  if (!name) return undefined;
  return {
    name,
    flags: header.readUInt16LE(6),
    method: header.readUInt16LE(8),
    crc: header.readUInt32LE(14),
    packedBytes: header.readUInt32LE(18),
    sizeBytes: header.readUInt32LE(22),
    dataStart: start + localBytes + length + header.readUInt16LE(28),
  };
}

async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer | undefined> {
  if (start < 0) return undefined;
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, start);
  return bytesRead === length ? buffer : undefined;
}

const corrupt = (reason: string) => refuse('PACKAGE_INVALID', 'archive-corrupt', reason);
