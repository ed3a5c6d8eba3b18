import { gzipSync } from 'node:zlib';
import { zipSync, type Zippable } from 'fflate';
import { tarFile, tarEnd } from './archive/tar-block.js';

export interface PackageContent {
  /** Path inside the package to content. */
  files: ReadonlyMap<string, Buffer | string>;
  format: 'zip' | 'tar.gz';
}

// The first second a zip can hold, in local time as zip keeps it: the same files give the same bytes everywhere.
const epoch = new Date(1980, 0, 1, 0, 0, 0);

/** A package as bytes; deterministic: names sorted, times fixed, no owner. */
export function writePackage({ files, format }: PackageContent): Buffer {
  const sorted = [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, content]) => ({ name, bytes: Buffer.from(content) }));
  if (format === 'tar.gz') {
    const blocks = sorted.flatMap(({ name, bytes }) => tarFile(name, bytes));
    const packed = gzipSync(Buffer.concat([...blocks, tarEnd]), { level: 9 });
    // The operating system stands in the header: 255 says unknown.
    packed[9] = 255;
    return packed;
  }
  const tree: Zippable = Object.create(null) as Zippable;
  for (const { name, bytes } of sorted) {
    tree[name] = [bytes, { level: 9, mtime: epoch, os: 3, attrs: 0o100644 << 16 }];
  }
  return Buffer.from(zipSync(tree));
}
