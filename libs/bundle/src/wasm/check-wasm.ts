import { limitTable, type FieldError, type Manifest } from '@mortise/contracts';
import { knownImport } from './imports.js';
import { readModule, type Signature, type WasmModule } from './read-module.js';
import { WasmProblem } from './reader.js';

/** Above this a module is refused. */
export const wasmBytesMax = 8 * 1_024 * 1_024;
const pagesPerMb = 16;

/** Checks that the main file is a module that this platform can run within the manifest's limits. */
export function checkWasm(file: string, bytes: Uint8Array, manifest: Manifest): FieldError[] {
  try {
    const module = readModule(bytes);
    checkImports(module);
    checkMemory(module, memoryMbOf(manifest));
    return missingFunctions(module, manifest).map((message) => ({
      file,
      pointer: '',
      message,
      rule: 'wasm-export',
    }));
  } catch (error) {
    if (!(error instanceof WasmProblem)) throw error;
    const { rule, message, offset } = error;
    return [{ file, pointer: '', message: `${message} (at byte ${offset})`, rule }];
  }
}

/** What the plan gives a plugin that asks for no more. */
export const memoryMbOf = ({ limits }: Manifest): number => limits?.memoryMb ?? limitTable.memoryMb.default;

function checkImports({ imports }: WasmModule): void {
  for (const { module, name, signature, offset } of imports) {
    const known = knownImport(module, name);
    if (!known) {
      const hint = module.startsWith('wasi_') ? ': build without WASI (wasm32-unknown-unknown)' : '';
      throw new WasmProblem(
        'wasm-import',
        `it imports ${module} ${name}, which does not exist here${hint}`,
        offset,
      );
    }
    if (show(known) !== show(signature)) {
      const text = `it imports ${module} ${name} as ${show(signature)}, and it is ${show(known)}`;
      throw new WasmProblem('wasm-import', text, offset);
    }
  }
}

function checkMemory({ memory }: WasmModule, memoryMb: number): void {
  if (!memory) return;
  const { initial, maximum, start } = memory;
  const most = memoryMb * pagesPerMb;
  if (maximum === undefined) {
    const how = `mortise build writes one, or link with --max-memory=${memoryMb * 1_048_576}`;
    throw new WasmProblem('wasm-memory', `its memory has no maximum: ${how}`, start);
  }
  if (maximum > most) {
    const text = `its memory may grow to ${show64(maximum)} MB, and limits.memoryMb is ${memoryMb}`;
    throw new WasmProblem('wasm-memory', text, start);
  }
  if (initial > maximum) throw new WasmProblem('wasm-memory', 'its memory begins above its maximum', start);
}

function missingFunctions({ functions }: WasmModule, manifest: Manifest): string[] {
  return Object.entries(manifest.functions ?? {}).flatMap(([name, { handler = name }]) => {
    if (!functions.has(handler))
      return [`"${handler}" is not exported, and the manifest's functions name it`];
    const signature = functions.get(handler);
    if (!signature) return [`"${handler}" is an import handed on, not a function of the module`];
    const fits = signature.params.length === 0 && ['', 'i32'].includes(signature.results.join());
    return fits ? [] : [`"${handler}" is ${show(signature)}, and must be () -> i32`];
  });
}

const show = ({ params, results }: Signature) => `(${params.join(', ')}) -> ${results.join(', ') || '()'}`;
const show64 = (pages: number) => Math.ceil(pages / pagesPerMb);
