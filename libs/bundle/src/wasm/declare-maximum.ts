import { readModule, type WasmMemory } from './read-module.js';
import { WasmProblem } from './reader.js';

const memorySection = 5;

/**
 * A copy of a module that says how far its memory may grow, for one that does not say it: most linkers leave it out.
 * What is no module comes back as it is, for the check to refuse.
 */
export function declareMaximum(bytes: Uint8Array, pages: number): Uint8Array {
  const memory = memoryOf(bytes);
  if (!memory || memory.maximum !== undefined) return bytes;
  const content = [1, 1, ...leb128(memory.initial), ...leb128(Math.max(memory.initial, pages))];
  return Buffer.concat([
    bytes.subarray(0, memory.start),
    Buffer.from([memorySection, ...leb128(content.length), ...content]),
    bytes.subarray(memory.end),
  ]);
}

function memoryOf(bytes: Uint8Array): WasmMemory | undefined {
  try {
    return readModule(bytes).memory;
  } catch (error) {
    if (error instanceof WasmProblem) return undefined;
    throw error;
  }
}

/** @param value non-negative, 32 bits */
function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}
