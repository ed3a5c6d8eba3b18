import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Body, decodersOf } from './body.js';
import { Injected } from './masking.js';
import type { Chunk } from './wire.js';

const secret = 'sentinel/01+2';

/** Cuts bytes at random places. */
const cut = (bytes: Buffer, places: number[]): Buffer[] => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
};
const body = (pieces: Buffer[], injected: Injected, encoding?: string) =>
  new Body(Readable.from(pieces.filter(({ length }) => length > 0)), {
    decode: decodersOf(encoding) ?? [],
    injected,
    tooLarge: () => new Error('too large'),
    onBytes: () => {},
  });
const all = async (from: Body, most: number): Promise<{ bytes: Buffer; chunks: Chunk[] }> => {
  const chunks: Chunk[] = [await from.peek()];
  while (!chunks.at(-1)?.done) chunks.push(await from.read(most));
  const bytes = chunks.map(({ text, base64 }) =>
    base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64'),
  );
  return { bytes: Buffer.concat(bytes), chunks };
};
const places = fc.array(fc.nat(5_000), { maxLength: 12 });
const most = fc.integer({ min: 1, max: 400 });

describe('a body', () => {
  it('arrives byte for byte, however it was cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), places, most, async (data, at, size) => {
        const given = Buffer.from(data);

        const { bytes } = await all(body(cut(given, at), new Injected()), size);

        expect(bytes.equals(given)).toBe(true);
      }),
    );
  });

  it('is text throughout where it is UTF-8, a byte order mark included', async () => {
    const unit = fc.constantFrom('a', 'é', '€', '😀', '\ufeff', '\u0000', '\n');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, maxLength: 800 }), places, most, async (text, at, size) => {
        const { chunks } = await all(body(cut(Buffer.from(text), at), new Injected()), size);

        expect(chunks.every(({ base64 }) => base64 === undefined)).toBe(true);
        expect(chunks.map((chunk) => chunk.text ?? '').join('')).toBe(text);
      }),
    );
  });

  it('never holds a secret that was sent, encoded or not, however both were cut', async () => {
    const injected = new Injected();
    injected.add(secret);
    const form = fc.constantFrom(
      secret,
      encodeURIComponent(secret),
      Buffer.from(`u:${secret}`).toString('base64url'),
      Buffer.from(`${secret}:x`).toString('base64'),
      secret.slice(0, -1),
    );
    const part = fc.oneof(form, fc.string({ maxLength: 40 }));
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 20 }), places, fc.boolean(), async (parts, at, zipped) => {
        const text = parts.join('');
        const sent = zipped ? gzipSync(text) : Buffer.from(text);

        const { bytes } = await all(body(cut(sent, at), injected, zipped ? 'gzip' : undefined), 100);

        expect(bytes.toString()).toBe(injected.text(Buffer.from(text).toString()));
        expect(bytes.toString()).not.toContain(secret);
      }),
    );
  });
});
