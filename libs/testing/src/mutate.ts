import type { Random } from './random.js';

const mostBytes = 262_144;
/** Numbers at which code that counts bytes goes wrong. */
const edges = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];

const changes: ((bytes: Buffer, random: Random, other: Buffer) => Buffer)[] = [
  // a bit, a byte, a number
  (bytes, random) => {
    const at = place(bytes, random);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
    return bytes;
  },
  (bytes, random) => {
    bytes[place(bytes, random)] = random.between(0, 255);
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length < 4) return bytes;
    const at = random.between(0, bytes.length - 4);
    if (random.next() < 0.5) bytes.writeUInt32LE(random.pick(edges), at);
    else bytes.writeUInt16LE(random.pick(edges) & 0xffff, at);
    return bytes;
  },
  // a piece left out, repeated, moved, taken from another input
  (bytes, random) => {
    const [from, to] = piece(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = piece(bytes, random);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  (bytes, random, other) => {
    const [from, to] = piece(other, random);
    const at = place(bytes, random);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(at)]);
  },
  (bytes, random) => bytes.subarray(0, place(bytes, random)),
  // what is printed as text: digits, quotes, brackets, line ends, NUL
  (bytes, random) => {
    bytes[place(bytes, random)] = random.pick([...Buffer.from('09"\\{}[]:, \n\r\0-eE\x7f')]);
    return bytes;
  },
];

/** One of the inputs, changed in a few places. */
export function mutate(from: readonly Buffer[], random: Random): Buffer {
  let bytes = Buffer.from(random.pick(from));
  for (let left = random.between(1, 6); left > 0; left--) {
    if (bytes.length === 0) break;
    bytes = Buffer.from(random.pick(changes)(bytes, random, random.pick(from)));
  }
  return bytes.subarray(0, mostBytes);
}

const place = (bytes: Buffer, random: Random) => random.between(0, Math.max(0, bytes.length - 1));

function piece(bytes: Buffer, random: Random): [number, number] {
  const from = place(bytes, random);
  return [from, Math.min(bytes.length, from + random.between(1, 64))];
}
