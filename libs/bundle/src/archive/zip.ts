import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { promisify } from 'node:util';
import yauzl from 'yauzl';
import { refuse, Refused } from '../refusal.js';
import { readCentralEnd, readLocalHeader, type CentralEnd } from './zip-records.js';
import type { ArchiveEntry } from './entry.js';
import { printable, tooManyEntries, type Ledger } from './ledger.js';
import { intake } from '@mortise/contracts';

const openZip = promisify<number, yauzl.Options, yauzl.ZipFile>(yauzl.fromFd);
const corrupt = (reason: string, file?: string) => refuse('PACKAGE_INVALID', 'archive-corrupt', reason, file);

/**
 * The files of a zip, strictly: every byte of the archive belongs to exactly one record, local and central headers
 * agree, checksums hold. What two readers could understand differently is refused.
 */
export async function* zipEntries(
  file: FileHandle,
  sizeBytes: number,
  ledger: Ledger,
): AsyncGenerator<ArchiveEntry> {
  const end = await readCentralEnd(file, sizeBytes);
  // Before the directory is read: a million entries cost nothing.
  if (end.entries > intake.entries) throw tooManyEntries();
  const zip = await unlessCorrupt(
    // Sizes are checked below: the library would look at them before it is known whether an entry can be read at all.
    openZip(file.fd, {
      lazyEntries: true,
      decodeStrings: false,
      validateEntrySizes: false,
      autoClose: false,
    }),
  );
  const spans: Span[] = [];
  let centralBytes = 0;
  for await (const entry of directory(zip)) {
    const rawName = entry.fileName as unknown as Buffer;
    const name = decodeName(rawName);
    centralBytes += 46 + rawName.length + entry.extraFieldLength + entry.fileCommentLength;
    checkKind(entry, name, rawName);
    ledger.open(name, entry.uncompressedSize);
    spans.push(await claimSpan(file, entry, name, rawName, end));
    if (name.endsWith('/')) continue;
    yield { name, sizeBytes: entry.uncompressedSize, content: ledger.count(name, content(zip, entry, name)) };
  }
  checkNoGaps(spans, centralBytes, end);
}

async function* directory(zip: yauzl.ZipFile): AsyncGenerator<yauzl.Entry> {
  for (let left = zip.entryCount; left > 0; left--) {
    yield await unlessCorrupt(
      new Promise<yauzl.Entry>((resolve, reject) => {
        zip.once('entry', resolve).once('error', reject);
        zip.readEntry();
      }),
    );
    zip.removeAllListeners();
  }
}

function decodeName(raw: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw refuse(
      'PACKAGE_FORBIDDEN_FILE',
      'entry-path',
      'its name is not UTF-8',
      printable(raw.toString('latin1')),
    );
  }
}

const unixFolder = 0o040000;
const unixFile = 0o100000;
const unicodePathField = 0x7075;
const encryptedFlags = 0x1 | 0x40 | 0x2000;

function checkKind(entry: yauzl.Entry, name: string, rawName: Buffer): void {
  const shown = printable(name);
  if (entry.generalPurposeBitFlag & encryptedFlags) {
    throw refuse('PACKAGE_INVALID', 'archive-method', 'it is encrypted', shown);
  }
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    throw refuse(
      'PACKAGE_INVALID',
      'archive-method',
      `it is packed with method ${entry.compressionMethod}; stored and deflate are read`,
      shown,
    );
  }
  if (entry.compressionMethod === 0 && entry.compressedSize !== entry.uncompressedSize) {
    throw corrupt('it is stored, and its two sizes differ', shown);
  }
  const type = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (type !== 0 && type !== unixFile && type !== unixFolder) {
    throw refuse('PACKAGE_FORBIDDEN_FILE', 'entry-type', 'it is a link or a special file', shown);
  }
  if (type === unixFolder && !name.endsWith('/'))
    throw corrupt('it is a folder by type and a file by name', shown);
  if (entry.fileCommentLength > 0)
    throw corrupt('it has a comment: bytes outside of files are not taken', shown);
  // Readers that know this field would see another name than readers that do not.
  const otherName = entry.extraFields.find(({ id }) => id === unicodePathField)?.data.subarray(5);
  if (otherName && !otherName.equals(rawName)) throw corrupt('a second name hides in its extra field', shown);
}

interface Span {
  start: number;
  end: number;
  /** Data descriptors have four legal lengths. */
  slack: readonly number[];
}

async function claimSpan(
  file: FileHandle,
  entry: yauzl.Entry,
  name: string,
  rawName: Buffer,
  end: CentralEnd,
): Promise<Span> {
  const start = entry.relativeOffsetOfLocalHeader;
  const local = await readLocalHeader(file, start);
  const streamed = (entry.generalPurposeBitFlag & 0x8) !== 0;
  const same =
    local?.name.equals(rawName) &&
    local.method === entry.compressionMethod &&
    local.flags === entry.generalPurposeBitFlag &&
    (streamed ||
      (local.crc === entry.crc32 &&
        local.packedBytes === entry.compressedSize &&
        local.sizeBytes === entry.uncompressedSize));
  if (!local || !same) throw corrupt('its two headers do not agree', printable(name));
  const dataEnd = local.dataStart + entry.compressedSize;
  if (dataEnd > end.directoryStart) throw corrupt('it reaches over the end of the files', printable(name));
  return { start, end: dataEnd, slack: streamed ? [12, 16, 20, 24] : [0] };
}

/** No byte may belong to two entries, or to none. */
function checkNoGaps(spans: Span[], centralBytes: number, end: CentralEnd): void {
  spans.sort((a, b) => a.start - b.start);
  let at = 0;
  let slack: readonly number[] = [0];
  for (const span of [...spans, { start: end.directoryStart, end: 0, slack: [] }]) {
    if (span.start < at) throw corrupt('its entries overlap');
    if (!slack.includes(span.start - at)) throw corrupt('it holds bytes that belong to no entry');
    ({ end: at, slack } = span);
  }
  if (centralBytes !== end.directoryBytes) throw corrupt('its directory holds more than its entries');
}

async function* content(zip: yauzl.ZipFile, entry: yauzl.Entry, name: string): AsyncGenerator<Buffer> {
  const open = promisify<yauzl.Entry, NodeJS.ReadableStream>((which, done) =>
    zip.openReadStream(which, done),
  );
  const stream = await unlessCorrupt(open(entry), name);
  let crc = 0;
  let sizeBytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      crc = crc32(chunk, crc);
      sizeBytes += chunk.length;
      if (sizeBytes > entry.uncompressedSize) throw corrupt('it unpacks to more than its header says', name);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof Refused ? error : corrupt((error as Error).message, name);
  }
  if (sizeBytes !== entry.uncompressedSize) throw corrupt('it unpacks to less than its header says', name);
  if (crc !== entry.crc32) throw corrupt('its checksum does not hold', name);
}

async function unlessCorrupt<T>(promise: Promise<T>, file?: string): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw corrupt((error as Error).message, file);
  }
}
