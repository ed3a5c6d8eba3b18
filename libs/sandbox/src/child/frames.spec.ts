import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, FrameWriter } from './frames.js';

interface Frame {
  id: number;
  type: number;
  payload: string;
}

const frame = fc.record({
  id: fc.nat({ max: 0xffffffff }),
  type: fc.nat({ max: 255 }),
  payload: fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.nat({ max: 200_000 }).map((length) => 'é'.repeat(length)),
  ),
});

const written = (frames: Frame[]): Buffer => {
  const chunks: Buffer[] = [];
  const writer = new FrameWriter((bytes) => chunks.push(bytes));
  for (const { id, type, payload } of frames) writer.send(id, type, payload);
  writer.flush();
  return Buffer.concat(chunks);
};

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.nat()), (frames, cuts) => {
        const bytes = written(frames);
        const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
        const seen: Frame[] = [];
        const reader = new FrameReader((id, type, payload) => seen.push({ id, type, payload }));

        let from = 0;
        for (const to of [...places, bytes.length]) {
          reader.push(bytes.subarray(from, to));
          from = to;
        }

        expect(seen).toEqual(frames);
      }),
      { numRuns: 200 },
    );
  });

  it('come one byte at a time too', () => {
    const frames = [
      { id: 1, type: 2, payload: 'a\u{1F600}b' },
      { id: 2, type: 3, payload: '' },
    ];
    const seen: Frame[] = [];
    const reader = new FrameReader((id, type, payload) => seen.push({ id, type, payload }));

    for (const byte of written(frames)) reader.push(Buffer.from([byte]));

    expect(seen).toEqual(frames);
  });

  it('are handed over once a turn, whatever their number', async () => {
    let writes = 0;
    const writer = new FrameWriter(() => writes++);

    for (let id = 0; id < 1_000; id++) writer.send(id, 1, 'x');
    await new Promise((resolve) => setImmediate(resolve));

    expect(writes).toBe(1);
  });

  it('are refused when one announces more bytes than allowed', () => {
    const reader = new FrameReader(
      () => {},
      () => 100,
    );

    expect(() => reader.push(written([{ id: 1, type: 1, payload: 'x'.repeat(101) }]))).toThrow(RangeError);
  });
});
