import { wasmPrefix } from './child/wasm-binary.js';
import type { Source } from './types.js';

const magic = Buffer.from('\0asm', 'latin1');

/** The main file of a package as the sandbox takes it: text as it is, a WebAssembly module as a data URL. */
export const sourceOf = (filename: string, bytes: Buffer): Source => ({
  filename,
  code: bytes.subarray(0, magic.length).equals(magic)
    ? `${wasmPrefix}${bytes.toString('base64')}`
    : bytes.toString('utf8'),
});
