import { readModule } from './read-module.js';

const memorySection = 5;

/**
 * A copy of a module that says how far its memory may grow, for one that does not say it: most linkers leave it out.
 * @throws WasmProblem of what is no module
 */
export function declareMaximum(bytes: Uint8Array, pages: number): Uint8Array {
  const { memory } = readModule(bytes);
  if (!memory || memory.maximum !== undefined) return bytes;
  const content = [1, 1, ...leb128(memory.initial), ...leb128(Math.max(memory.initial, pages))];
  return Buffer.concat([
    bytes.subarray(0, memory.start),
    Buffer.from([memorySection, ...leb128(content.length), ...content]),
    bytes.subarray(memory.end),
  ]);
}

/** @param value non-negative, 32 bits */
function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}
