/** What is wrong with a module: which rule it breaks, and where. */
export class WasmProblem extends Error {
  constructor(
    readonly rule: WasmRule,
    message: string,
    /** In bytes from the start of the file. */
    readonly offset: number,
  ) {
    super(message);
  }
}

/** Stable names of what a published module has to keep to. */
export type WasmRule =
  | 'wasm-header'
  | 'wasm-section'
  | 'wasm-size'
  | 'wasm-feature'
  | 'wasm-import'
  | 'wasm-memory'
  | 'wasm-table'
  | 'wasm-export'
  | 'wasm-start';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const nameBytesMax = 512;

/** Reads the numbers and names of a module, never beyond its end. */
export class WasmReader {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
    private readonly end: number,
  ) {}

  get left(): number {
    return this.end - this.at;
  }

  byte(): number {
    const byte = this.at < this.end ? this.bytes[this.at] : undefined;
    if (byte === undefined) throw this.problem('wasm-section', 'it ends in the middle of a section');
    this.at++;
    return byte;
  }

  /** An unsigned number of 32 bits, LEB128 of five bytes at most. */
  number(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    throw this.problem('wasm-section', 'a number does not fit into 32 bits');
  }

  /** How many entries follow, each of `bytesEach` at least. */
  count(what: string, most: number, bytesEach = 1): number {
    const count = this.number();
    if (count > most) throw this.problem('wasm-size', `it has ${count} ${what}, and ${most} are the most`);
    if (count * bytesEach > this.left)
      throw this.problem('wasm-section', `it ends before the last of its ${what}`);
    return count;
  }

  name(): string {
    const length = this.number();
    if (length > nameBytesMax) throw this.problem('wasm-size', `a name is longer than ${nameBytesMax} bytes`);
    const bytes = this.part(length);
    try {
      return utf8.decode(bytes);
    } catch {
      throw this.problem('wasm-section', 'a name is not UTF-8');
    }
  }

  part(length: number): Uint8Array {
    if (length > this.left) throw this.problem('wasm-section', 'it ends in the middle of a section');
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** A reader of the next bytes only. */
  section(length: number): WasmReader {
    const start = this.at;
    this.part(length);
    return new WasmReader(this.bytes, start, start + length);
  }

  problem(rule: WasmRule, message: string): WasmProblem {
    return new WasmProblem(rule, message, this.at);
  }
}
