import { readFileSync } from 'node:fs';
import type ivmTypes from 'isolated-vm';
import { entryOf, type Instance, type Isolate, type Ivm, type Reference } from './engine.js';
import { LoadError, type SourceFile } from './plugin-code.js';
import { pageBytes, wasmPrefix, WasmRefused, withMemoryMaximum, type Bounded } from './wasm-binary.js';

const part = (name: string) =>
  readFileSync(new URL(`./prelude/${name}.js`, import.meta.url), 'utf8')
    .trim()
    .replace(/;$/, '');
const around = `(function (p, core, bytes, memoryBytesMax) { 'use strict';
const blocks = (${part('blocks')})(core.refusal);
const text = (${part('bytes')})();
return (${part('wasm')})(p, core, blocks, text, bytes, memoryBytesMax); })`;
const pagesOf = (memoryMb: number) => Math.floor((memoryMb * 1_048_576) / pageBytes);

export const isWasm = ({ code }: SourceFile): boolean => code.startsWith(wasmPrefix);

/** Loads WebAssembly modules into contexts, each within the memory that its plugin has. */
export class WasmCode {
  readonly #ivm: Ivm;
  #compiled: ivmTypes.ExternalCopy<ArrayBuffer> | undefined;

  constructor(ivm: Ivm) {
    this.#ivm = ivm;
  }

  /** @throws LoadError of a module that cannot be run here */
  load(
    isolate: Isolate,
    instance: Instance,
    source: SourceFile & { memoryMb: number },
    timeoutMs: number,
  ): void {
    const { module, maximumPages } = bounded(source);
    const shim = this.#shim(isolate, instance);
    const handed = new this.#ivm.ExternalCopy(new Uint8Array(module).buffer);
    const entry = entryOf(instance, 'wasm');
    const refused = entry.applySync(
      undefined,
      [shim.derefInto(), handed.copyInto({ release: true }), maximumPages * pageBytes] as never[],
      { timeout: timeoutMs },
    ) as unknown as string;
    // What is not let go of keeps the context until this process's own heap is collected.
    entry.release();
    shim.release();
    if (refused === '') return;
    const space = refused.indexOf(' ');
    throw new LoadError(refused.slice(0, space), refused.slice(space + 1));
  }

  #shim(isolate: Isolate, { context }: Instance): Reference {
    const filename = 'mortise:wasm';
    const script = isolate.compileScriptSync(around, {
      filename,
      ...(this.#compiled && { cachedData: this.#compiled }),
    });
    const shim = script.runSync(context, { reference: true }) as Reference;
    script.release();
    this.#compiled ??= (
      isolate.compileScriptSync(around, { filename, produceCachedData: true }) as ivmTypes.CachedDataResult
    ).cachedData;
    return shim;
  }
}

function bounded({ code, memoryMb }: SourceFile & { memoryMb: number }): Bounded {
  const bytes = Buffer.from(code.slice(wasmPrefix.length), 'base64');
  try {
    return withMemoryMaximum(bytes, pagesOf(memoryMb));
  } catch (error) {
    if (error instanceof WasmRefused) throw new LoadError('MAIN_INVALID', error.message);
    throw error;
  }
}
