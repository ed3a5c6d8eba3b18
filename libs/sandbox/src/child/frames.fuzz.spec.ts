import { fileURLToPath } from 'node:url';
import { fuzz } from '@mortise/testing';
import { expect, it } from 'vitest';
import { FrameReader, FrameWriter } from './frames.js';

const corpus = fileURLToPath(new URL('../../fuzz/frames', import.meta.url));
const mostBytes = 4_096;
const longest = Number(process.env.DURATION_S ?? 0) * 1_000 + 30_000;

/** All that a reader makes of bytes that come in the given pieces, until it refuses to go on. */
function read(pieces: Iterable<Buffer>): { seen: [number, number, string][]; refused: boolean } {
  const seen: [number, number, string][] = [];
  const reader = new FrameReader(
    (...frame) => seen.push(frame),
    () => mostBytes,
  );
  try {
    for (const piece of pieces) reader.push(piece);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return { seen, refused: true };
  }
  return { seen, refused: false };
}

it(
  'reads the same of any bytes however they are cut, no frame over the limit, and fails in one way only',
  async () => {
    const tried = await fuzz({
      name: 'frames',
      corpus,
      tries: 2_000,
      target(input, random) {
        const whole = read([input]);
        const pieces: Buffer[] = [];
        for (let at = 0; at < input.length;) {
          const to = at + random.between(1, random.pick([1, 9, 100, 4_000]));
          pieces.push(input.subarray(at, to));
          at = to;
        }

        expect(read(pieces)).toEqual(whole);
        for (const [, , payload] of whole.seen) expect(payload.length).toBeLessThanOrEqual(mostBytes);
        // What was read can be written, and is read again as the same.
        const written: Buffer[] = [];
        const writer = new FrameWriter((bytes) => written.push(bytes));
        for (const frame of whole.seen) writer.send(...frame);
        writer.flush();
        const again = new Array<[number, number, string]>();
        const reader = new FrameReader((...frame) => again.push(frame));
        for (const bytes of written) reader.push(bytes);
        expect(again).toEqual(whole.seen);
      },
    });

    expect(tried).toBeGreaterThan(1_000);
  },
  longest,
);
