import { refuse } from '../refusal.js';
import { ByteReader } from './byte-reader.js';
import type { ArchiveEntry } from './entry.js';
import { printable, type Ledger } from './ledger.js';
import { blockBytes, checksum, padding } from './tar-block.js';

/** Headers that carry a long name or pax records; longer ones only serve to fill memory. */
const metaBytesMax = 16_384;
/** Deflate cannot do better: a header that claims more than this lies. */
const deflateRatioMax = 1_032;
const corrupt = (reason: string, file?: string) => refuse('PACKAGE_INVALID', 'archive-corrupt', reason, file);

/**
 * The files of a tar: ustar, pax and GNU long names. Written here because the reader must stop where the archive
 * ends (what follows the end blocks is refused) and must not gather headers of any size in memory.
 */
export async function* tarEntries(
  source: AsyncIterable<Buffer>,
  packedBytes: number,
  ledger: Ledger,
): AsyncGenerator<ArchiveEntry> {
  const bytes = new ByteReader(source);
  const shared: Pax = {};
  let own: Pax = {};
  let hasEntries = false;
  for (;;) {
    const header = parseHeader(await block(bytes));
    if (!header) break;
    hasEntries = true;
    if (isMeta(header.type)) {
      const text = await metaText(bytes, header);
      if (header.type === 'L') own.path = text.replace(/\0.*$/s, '');
      else if (header.type !== 'K') Object.assign(header.type === 'g' ? shared : own, parsePax(text));
      continue;
    }
    const pax = { ...shared, ...own };
    own = {};
    const isFolder = header.type === '5';
    const name = folderName(pax.path ?? header.name, isFolder);
    const sizeBytes = pax.size ?? header.sizeBytes;
    if (!isFolder && !isFile(header.type)) {
      throw refuse('PACKAGE_FORBIDDEN_FILE', 'entry-type', 'it is a link or a special file', printable(name));
    }
    if (sizeBytes > packedBytes * deflateRatioMax) {
      throw corrupt('its header claims more than the archive can hold', printable(name));
    }
    ledger.open(name, sizeBytes);
    if (isFolder) continue;
    const content = ledger.count(name, bytes.take(sizeBytes));
    yield { name, sizeBytes, content };
    await drain(content);
    await bytes.exactly(padding(sizeBytes));
  }
  if (!hasEntries) throw corrupt('it is not a tar archive');
  await checkOnlyZerosFollow(bytes);
}

interface Header {
  name: string;
  sizeBytes: number;
  type: string;
}
interface Pax {
  path?: string;
  size?: number;
}

const isFile = (type: string) => type === '0' || type === '\0';
const isMeta = (type: string) => 'xgLK'.includes(type);
const folderName = (name: string, isFolder: boolean) => (isFolder && !name.endsWith('/') ? `${name}/` : name);

async function block(bytes: ByteReader): Promise<Buffer> {
  const found = await bytes.exactly(blockBytes);
  if (!found) throw corrupt('it is truncated');
  return found;
}

/** undefined: an empty block, where the archive ends. */
function parseHeader(header: Buffer): Header | undefined {
  if (header.every((byte) => byte === 0)) return undefined;
  if (octal(header, 148, 8) !== checksum(header)) throw corrupt('a tar header is broken');
  const type = header.toString('latin1', 156, 157);
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(header, 345, 155) : '';
  const name = text(header, 0, 100);
  return { name: prefix === '' ? name : `${prefix}/${name}`, sizeBytes: octal(header, 124, 12), type };
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const stop = field.indexOf(0);
  return decode(stop < 0 ? field : field.subarray(0, stop));
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse(
      'PACKAGE_FORBIDDEN_FILE',
      'entry-path',
      'its name is not UTF-8',
      printable(bytes.toString('latin1')),
    );
  }
}

/** Base-256 numbers are not read: nothing under the caps needs them. */
function octal(header: Buffer, start: number, length: number): number {
  const digits = header
    .toString('latin1', start, start + length)
    .replace(/[\0 ]+$/, '')
    .trim();
  if (!/^[0-7]*$/.test(digits)) throw corrupt('a number in a tar header is broken');
  return digits === '' ? 0 : parseInt(digits, 8);
}

async function metaText(bytes: ByteReader, header: Header): Promise<string> {
  if (header.sizeBytes > metaBytesMax) throw corrupt('a tar header is too long');
  const body = await bytes.exactly(header.sizeBytes);
  const rest = await bytes.exactly(padding(header.sizeBytes));
  if (!body || !rest) throw corrupt('it is truncated');
  return decode(body);
}

function parsePax(records: string): Pax {
  const found: Pax = {};
  let left = Buffer.from(records);
  while (left.length > 0) {
    const record = /^(\d{1,6}) /.exec(left.toString('latin1', 0, 8));
    const length = Number(record?.[1]);
    const line = left.subarray(record?.[0].length ?? 0, length).toString();
    const equals = line.indexOf('=');
    if (!record || length > left.length || equals < 1 || !line.endsWith('\n'))
      throw corrupt('a pax header is broken');
    left = left.subarray(length);
    const [key, value] = [line.slice(0, equals), line.slice(equals + 1, -1)];
    if (key === 'path') found.path = value;
    if (key === 'size') found.size = paxSize(value);
    if (key.startsWith('GNU.sparse'))
      throw refuse('PACKAGE_FORBIDDEN_FILE', 'entry-type', 'sparse files are not taken');
  }
  return found;
}

function paxSize(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw corrupt('a pax header is broken');
  return Number(value);
}

async function drain(content: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of content);
}

async function checkOnlyZerosFollow(bytes: ByteReader): Promise<void> {
  for await (const chunk of bytes.rest()) {
    if (chunk.some((byte) => byte !== 0)) throw corrupt('something follows the end of the archive');
  }
}
