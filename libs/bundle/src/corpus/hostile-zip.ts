import { crc32, deflateRawSync } from 'node:zlib';
import { expand, unfold, type HostileBuild, type HostileEntry } from './hostile-case.js';

/** A zip as a case describes it, with headers no honest writer makes. */
export function hostileZip({ entries = [], prefix = '', suffix = '', comment = '' }: HostileBuild): Buffer {
  const parts: Buffer[] = [Buffer.from(prefix)];
  const directory: Buffer[] = [];
  let offset = prefix.length;
  for (const entry of expand(entries)) {
    const packed = pack(entry);
    const { record, names } = headers(entry, packed);
    for (const name of names) directory.push(central(entry, name, record, offset));
    const local = Buffer.concat([localHeader(entry, record), packed.data]);
    parts.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  return Buffer.concat([
    ...parts,
    listing,
    end(directory.length, listing.length, offset, comment),
    Buffer.from(suffix),
  ]);
}

/** The content of an entry, unpacked. */
export function contentOf(entry: HostileEntry): Buffer {
  if (entry.nested !== undefined) return nest(entry.nested, entry.zeros ?? 0);
  if (entry.zeros !== undefined) return Buffer.alloc(entry.zeros);
  const text = unfold(entry.text ?? '');
  // Binary signatures are written as latin-1 text in the cases.
   
  const isBinary = /^[\u0000-\u00ff]*$/.test(text) && /[\u0000\u007f]/.test(text);
  return Buffer.from(text, isBinary ? 'latin1' : 'utf8');
}

function nest(levels: number, zeros: number): Buffer {
  if (levels === 0) return Buffer.alloc(zeros);
  const inner = levels > 1 ? { nested: levels - 1 } : {};
  return hostileZip({
    format: 'zip',
    entries: Array.from({ length: 4 }, (_, index) => ({ name: `n${index}.zip`, zeros, ...inner })),
  });
}

interface Packed {
  raw: Buffer;
  data: Buffer;
  method: number;
}
interface Record {
  name: Buffer;
  fields: Buffer;
}

function pack(entry: HostileEntry): Packed {
  const raw = contentOf(entry);
  const method = entry.method ?? (raw.length > 64 ? 8 : 0);
  return { raw, method, data: method === 8 ? deflateRawSync(raw, { level: 9 }) : raw };
}

/** What local and central header share, and the names that the directory lists for the one local entry. */
function headers(entry: HostileEntry, { raw, data, method }: Packed): { record: Record; names: Buffer[] } {
  const fields = Buffer.alloc(24);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE((entry.flags ?? 0) | 0x800, 2);
  fields.writeUInt16LE(method, 4);
  fields.writeUInt32LE(entry.lieCrc ?? crc32(raw), 10);
  fields.writeUInt32LE(data.length, 14);
  fields.writeUInt32LE(entry.lieSize ?? raw.length, 18);
  const name = unfold(entry.name);
  const names = entry.overlap
    ? Array.from({ length: entry.overlap }, (_, index) => `${name}${index}`)
    : [name];
  return { record: { name: Buffer.from(name), fields }, names: names.map((each) => Buffer.from(each)) };
}

const signature = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

function localHeader(entry: HostileEntry, { name, fields }: Record): Buffer {
  const own = entry.localName === undefined ? name : Buffer.from(entry.localName);
  const lengths = Buffer.alloc(4);
  lengths.writeUInt16LE(own.length, 0);
  return Buffer.concat([signature(0x04034b50), fields.subarray(0, 22), lengths, own]);
}

function central(entry: HostileEntry, name: Buffer, { fields }: Record, localAt: number): Buffer {
  const madeBy = Buffer.from([20, 3]);
  const rest = Buffer.alloc(18);
  rest.writeUInt16LE(name.length, 0);
  rest.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 10);
  rest.writeUInt32LE(localAt, 14);
  return Buffer.concat([signature(0x02014b50), madeBy, fields.subarray(0, 22), rest, name]);
}

function end(entries: number, directoryBytes: number, directoryAt: number, comment: string): Buffer {
  const bytes = Buffer.alloc(18);
  bytes.writeUInt16LE(entries & 0xffff, 4);
  bytes.writeUInt16LE(entries & 0xffff, 6);
  bytes.writeUInt32LE(directoryBytes, 8);
  bytes.writeUInt32LE(directoryAt, 12);
  bytes.writeUInt16LE(comment.length, 16);
  return Buffer.concat([signature(0x06054b50), bytes, Buffer.from(comment, 'latin1')]);
}
