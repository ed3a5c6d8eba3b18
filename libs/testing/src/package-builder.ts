import { gzipSync, zipSync, strToU8, type Zippable } from 'fflate';

export interface PackageParts {
  /** Becomes plugin.json; a text is taken as it is. Left out: no manifest. */
  manifest?: object | string;
  /** Path in the package -> content. */
  files?: Record<string, string | Uint8Array>;
  format?: 'zip' | 'tar.gz';
}

/** A plugin package as an author would upload it. */
export function buildPackage(parts: PackageParts): Buffer {
  const entries = new Map<string, Uint8Array>();
  if (parts.manifest !== undefined) {
    const text =
      typeof parts.manifest === 'string' ? parts.manifest : JSON.stringify(parts.manifest, null, 2);
    entries.set('plugin.json', strToU8(text));
  }
  for (const [path, content] of Object.entries(parts.files ?? {}))
    entries.set(path, typeof content === 'string' ? strToU8(content) : content);
  return parts.format === 'tar.gz' ? tarGz(entries) : zip(entries);
}

const longAgo = new Date(1980, 0, 1);

const zip = (entries: Map<string, Uint8Array>): Buffer => {
  const files: Zippable = {};
  for (const [path, bytes] of entries) files[path] = [bytes, { mtime: longAgo }];
  return Buffer.from(zipSync(files));
};

const block = 512;

function tarGz(entries: Map<string, Uint8Array>): Buffer {
  const parts: Buffer[] = [];
  for (const [path, bytes] of entries) {
    const padding = (block - (bytes.length % block)) % block;
    parts.push(tarHeader(path, bytes.length), Buffer.from(bytes), Buffer.alloc(padding));
  }
  parts.push(Buffer.alloc(2 * block));
  return Buffer.from(gzipSync(Buffer.concat(parts), { mtime: 0 }));
}

/** A ustar header (POSIX.1-1988) of a plain file. */
function tarHeader(path: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(path, 0, 100);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(sizeBytes, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(' '.repeat(8), 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
