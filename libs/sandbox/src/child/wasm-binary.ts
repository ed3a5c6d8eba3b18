/** What a source's code begins with when it is a WebAssembly module: the rest is its bytes in base64. */
export const wasmPrefix = 'data:application/wasm;base64,';

/** Bytes of a page of WebAssembly memory. */
export const pageBytes = 65_536;

const memorySection = 5;
const hasMaximum = 1;

/** What is wrong with a module; the code is the rule that it breaks. */
export class WasmRefused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A module, and how far its memory may grow. */
export interface Bounded {
  module: Uint8Array;
  /** 0 without a memory. */
  maximumPages: number;
}

/**
 * A copy of a module whose memory grows to `pages` at most: the engine keeps to what a module declares and to one number
 * for the whole process, and this is how a single plugin gets a lower one.
 * @throws WasmRefused of a memory that begins with more, or a text that is no module
 */
export function withMemoryMaximum(module: Uint8Array, pages: number): Bounded {
  const reader = new Reader(module, 8);
  while (reader.at < module.length) {
    const sectionAt = reader.at;
    const id = reader.byte();
    const length = reader.number();
    const end = reader.at + length;
    if (end > module.length) throw new WasmRefused('wasm-section', 'a section ends after the file');
    if (id !== memorySection) {
      reader.at = end;
      continue;
    }
    const count = reader.number();
    if (count === 0) break;
    if (count > 1) throw new WasmRefused('wasm-memory', 'it has more than one memory');
    const flags = reader.byte();
    if (flags > hasMaximum) throw new WasmRefused('wasm-memory', 'its memory is shared or 64-bit');
    const initial = reader.number();
    const maximum = flags === hasMaximum ? Math.min(reader.number(), pages) : pages;
    if (initial > maximum) {
      const text = `its memory begins with ${megabytes(initial)} MB, and may have ${megabytes(maximum)} MB`;
      throw new WasmRefused('wasm-memory', text);
    }
    const content = [1, hasMaximum, ...leb128(initial), ...leb128(maximum)];
    const section = [memorySection, ...leb128(content.length), ...content];
    const copy = new Uint8Array(sectionAt + section.length + module.length - end);
    copy.set(module.subarray(0, sectionAt));
    copy.set(section, sectionAt);
    copy.set(module.subarray(end), sectionAt + section.length);
    return { module: copy, maximumPages: maximum };
  }
  return { module, maximumPages: 0 };
}

const megabytes = (pages: number) => Math.ceil((pages * pageBytes) / 1_048_576);

/** @param value non-negative, 32 bits */
function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new WasmRefused('wasm-section', 'it ends in the middle of a section');
    return byte;
  }

  /** An unsigned number of 32 bits in LEB128. */
  number(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new WasmRefused('wasm-section', 'a number is longer than 32 bits');
  }
}
