import { createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

const entriesAtOnce = 4_000;

/** A tar.gz of so many empty files; their names repeat beyond the count that any limit lets through. */
export const unpackedEntries = (count: number): Promise<Buffer> => {
  const some = Buffer.concat(Array.from({ length: entriesAtOnce }, (_, index) => header(`f${index}.txt`)));
  const tar = function* () {
    for (let made = 0; made < count; made += entriesAtOnce) yield some;
    yield Buffer.alloc(1_024);
  };
  return buffer(Readable.from(tar()).pipe(createGzip({ level: 1 })));
};

/** A ustar header of an empty file. */
function header(name: string): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write('0000644\0', 100);
  block.write('00000000000\0', 124);
  block.write('00000000000\0', 136);
  block.write('        0', 148);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
