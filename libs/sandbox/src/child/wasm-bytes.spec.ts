import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Texts {
  encode(text: string): Uint8Array;
  decode(bytes: Uint8Array, exact?: boolean): string;
  body(bytes: Uint8Array): { text?: string; base64?: string };
  piece(chunk: { base64: string }): Uint8Array;
}

const source = readFileSync(new URL('./prelude/bytes.js', import.meta.url), 'utf8');
const texts = (0, eval)(source) as () => Texts;
const { encode, decode, body, piece } = texts();
const unit = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0xd83d, 0xde00, 0xd800, 0x41));
const anyText = fc.array(unit, { maxLength: 40 }).map((units) => String.fromCharCode(...units));
const byte = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(0xc0, 0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf),
);

describe('texts between host and module', () => {
  it('become the bytes that they are in the standard', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(Buffer.from(encode(text))).toEqual(Buffer.from(new TextEncoder().encode(text)));
      }),
    );
  });

  it('come from bytes as in the standard, the broken ones too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.array(byte, { maxLength: 12 }), (random, picked) => {
        const bytes = Uint8Array.from([...random, ...picked]);
        const standard = new TextDecoder('utf-8', { ignoreBOM: true });
        const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
        const outcome = (read: () => string) => {
          try {
            return read();
          } catch {
            return TypeError;
          }
        };

        expect(decode(bytes)).toBe(standard.decode(bytes));
        expect(outcome(() => decode(bytes, true))).toBe(outcome(() => strict.decode(bytes)));
      }),
      { numRuns: 5_000 },
    );
  });

  it('are base64 on their way to the host and back where they are no text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (random) => {
        const bytes = Uint8Array.from([...random, 0xff]);
        const base64 = Buffer.from(bytes).toString('base64');

        expect(body(bytes)).toEqual({ base64 });
        expect(Buffer.from(piece({ base64 }))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('may be long', () => {
    const text = 'é'.repeat(10_000) + 'a'.repeat(100_000) + '🎉'.repeat(9_000);

    expect(decode(encode(text), true)).toBe(text);
  });
});
