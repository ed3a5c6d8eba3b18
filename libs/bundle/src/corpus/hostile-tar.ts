import { gzipSync } from 'node:zlib';
import { checksum, padding, paxRecord, tarEnd, tarHeader } from '../archive/tar-block.js';
import { expand, unfold, type HostileBuild, type HostileEntry } from './hostile-case.js';
import { contentOf } from './hostile-zip.js';

/** A tar.gz as a case describes it, with headers no honest writer makes. */
export function hostileTar({ entries = [], appendGzip, afterEnd = '' }: HostileBuild): Buffer {
  const blocks = expand(entries).flatMap(entryBlocks);
  const first = gzipSync(Buffer.concat([...blocks, tarEnd, padded(Buffer.from(afterEnd))]));
  if (!appendGzip) return first;
  return Buffer.concat([
    first,
    hostileTar({ format: 'tgz', entries: [{ name: '../concat.txt', text: 'x' }] }),
  ]);
}

function entryBlocks(entry: HostileEntry): Buffer[] {
  const name = unfold(entry.name);
  const raw = contentOf(entry);
  const pax = entry.pax ?? (!entry.gnu && name.length > 100 ? { path: name } : undefined);
  return [
    ...(pax
      ? meta(
          'PaxHeader',
          'x',
          Object.entries(pax)
            .map(([key, value]) => paxRecord(key, value))
            .join(''),
        )
      : []),
    ...(entry.gnu ? meta('././@LongLink', 'L', `${name}\0`) : []),
    linked(tarHeader(name, raw.length, entry.type), entry.linkname ?? ''),
    padded(raw),
  ];
}

const meta = (name: string, type: string, text: string): Buffer[] => {
  const body = Buffer.from(text);
  return [tarHeader(name, body.length, type), padded(body)];
};

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(padding(bytes.length))]);

function linked(header: Buffer, target: string): Buffer {
  header.write(target.slice(0, 100), 157);
  header.write(checksum(header).toString(8).padStart(6, '0'), 148);
  return header;
}
