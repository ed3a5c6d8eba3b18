/** Tar is made of these. */
export const blockBytes = 512;
/** Two empty blocks end an archive. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

export const padding = (sizeBytes: number): number => (blockBytes - (sizeBytes % blockBytes)) % blockBytes;

const octal = (value: number, width: number): string => value.toString(8).padStart(width - 1, '0');

/** A ustar header: mode 644, no owner, time 0. */
export function tarHeader(name: string, sizeBytes: number, type = '0'): Buffer {
  const header = Buffer.alloc(blockBytes);
  header.write(name.slice(0, 100), 0, 'utf8');
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(sizeBytes, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\u000000', 257);
  header.write(`${octal(checksum(header), 7)}\0 `, 148);
  return header;
}

/** Sum of the header's bytes, its own field counted as spaces. */
export function checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < blockBytes; at++) sum += at >= 148 && at < 156 ? 32 : (header[at] ?? 0);
  return sum;
}

/** One `key=value` record of a pax header; its length counts itself. */
export function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

const fitsUstar = (name: string): boolean => name.length <= 100 && /^[\x20-\x7e]+$/.test(name);

/** The blocks of one file; names that ustar cannot hold travel in a pax header. */
export function tarFile(name: string, bytes: Buffer): Buffer[] {
  const body = (content: Buffer) => [content, Buffer.alloc(padding(content.length))];
  const pax = fitsUstar(name) ? undefined : Buffer.from(paxRecord('path', name));
  return [
    ...(pax ? [tarHeader('PaxHeader', pax.length, 'x'), ...body(pax)] : []),
    tarHeader(pax ? 'file' : name, bytes.length),
    ...body(bytes),
  ];
}
