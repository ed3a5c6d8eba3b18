import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import wabt from 'wabt';
import { describe, expect, it } from 'vitest';

interface Engine {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: { checksum: () => number } };
}
const { Module, Instance } = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;

const text = await readFile(new URL('./main.wat', import.meta.url), 'utf8');
const module = new Module((await wabt()).parseWat('main.wat', text).toBinary({}).buffer);

/** Calls the function with a host of one block, as far as the plugin uses it. */
function checksum(input: string): unknown {
  const bytes = Buffer.from(input);
  const block = Buffer.alloc(64);
  let output = '';
  const host = {
    input_length: () => BigInt(bytes.length),
    input_load_u8: (at: bigint) => bytes[Number(at)],
    alloc: () => 0n,
    store_u8: (at: bigint, byte: number) => void block.writeUInt8(byte, Number(at)),
    output_set: (at: bigint, length: bigint) => {
      output = block.toString('utf8', Number(at), Number(at + length));
    },
  };
  const { exports } = new Instance(module, { 'extism:host/env': host });
  expect(exports.checksum()).toBe(0);
  return JSON.parse(output);
}

describe('checksum', () => {
  it.each(['null', '"123456789"', '{"name":"Zoë"}', ' '.repeat(1_000), '[0]', '[1]'])(
    'is the CRC-32 of %s',
    (input) => {
      const crc = crc32(input).toString(16).padStart(8, '0');

      expect(checksum(input)).toEqual({ crc32: crc });
    },
  );

  it('keeps its zeroes in front', () => {
    const input = Array.from({ length: 10_000 }, (_, number) => String(number)).find(
      (number) => crc32(number) < 0x01000000,
    );

    expect(checksum(input ?? '')).toEqual({ crc32: expect.stringMatching(/^0/) as string });
  });
});
