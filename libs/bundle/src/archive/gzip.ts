import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { refuse, Refused } from '../refusal.js';

const trailerBytes = 8;
const chunkBytes = 65_536;
const headerBytesMax = 4_096;
const flag = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };
const corrupt = (reason: string) => refuse('PACKAGE_INVALID', 'archive-corrupt', reason);

/**
 * Unpacks a gzip file of exactly one member. node:zlib's gunzip goes on with whatever follows the first member; here
 * the deflate stream must reach from the header to the trailer, and the checksum is our own.
 */
export async function* gunzip(file: FileHandle, sizeBytes: number): AsyncGenerator<Buffer> {
  const start = await headerLength(file);
  const end = sizeBytes - trailerBytes;
  if (end <= start) throw corrupt('it is truncated');
  const source = Readable.from(range(file, start, end));
  const inflate = createInflateRaw();
  source.on('error', (error) => inflate.destroy(error));
  source.pipe(inflate);
  let crc = 0;
  let unpackedBytes = 0;
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      crc = crc32(chunk, crc);
      unpackedBytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw error instanceof Refused
      ? error
      : corrupt(`its packed data is broken (${(error as Error).message})`);
  } finally {
    source.unpipe(inflate);
    source.destroy();
    inflate.destroy();
  }
  if (inflate.bytesWritten !== end - start) throw corrupt('something follows its packed data');
  const trailer = Buffer.alloc(trailerBytes);
  await file.read(trailer, 0, trailerBytes, end);
  if (trailer.readUInt32LE(0) !== crc || trailer.readUInt32LE(4) !== unpackedBytes % 2 ** 32) {
    throw corrupt('its checksum does not hold');
  }
}

/** A stream of the file's own would close it. */
async function* range(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end;) {
    const length = Math.min(chunkBytes, end - at);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function headerLength(file: FileHandle): Promise<number> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytesMax), 0, headerBytesMax, 0);
  const header = buffer.subarray(0, bytesRead);
  const flags = header[3] ?? 0;
  if (header[2] !== 8 || flags & flag.reserved) throw corrupt('its gzip header is broken');
  let at = 10;
  if (flags & flag.extra) at += 2 + (header.length > 12 ? header.readUInt16LE(10) : headerBytesMax);
  for (const text of [flag.name, flag.comment]) {
    if (!(flags & text)) continue;
    const stop = header.indexOf(0, at);
    at = stop < 0 ? headerBytesMax : stop + 1;
  }
  if (flags & flag.headerChecksum) at += 2;
  if (at >= header.length) throw corrupt('its gzip header is broken or too long');
  return at;
}
