import { fileURLToPath } from 'node:url';
import type { Manifest } from '@mortise/contracts';
import { fuzz, webAssembly } from '@mortise/testing';
import { expect, it } from 'vitest';
import { checkWasm } from './check-wasm.js';
import { declareMaximum } from './declare-maximum.js';
import { readModule } from './read-module.js';
import { WasmProblem } from './reader.js';

const corpus = fileURLToPath(new URL('../../fuzz/wasm', import.meta.url));
const manifest = { main: 'main.wasm', functions: { a: {} }, limits: { memoryMb: 8 } } as unknown as Manifest;

/** What the engine makes of a module; undefined when it refuses it. */
function compiled(bytes: Uint8Array) {
  try {
    return new webAssembly.Module(Buffer.from(bytes));
  } catch {
    return undefined;
  }
}

it('refuses a module in one way only, and of one that the engine takes it knows the same', async () => {
  let agreed = 0;
  await fuzz({
    name: 'wasm',
    corpus,
    tries: 2_000,
    target(input) {
      expect(Array.isArray(checkWasm('main.wasm', input, manifest))).toBe(true);
      const engines = compiled(input);
      let read;
      try {
        read = readModule(input);
      } catch (error) {
        expect(error).toBeInstanceOf(WasmProblem);
        return;
      }
      const widened = compiled(declareMaximum(input, 300));
      expect(widened !== undefined).toBe(engines !== undefined);
      if (!engines) return;
      const exported = webAssembly.Module.exports(engines).filter(({ kind }) => kind === 'function');
      expect([...read.functions.keys()].sort()).toEqual(exported.map(({ name }) => name).sort());
      expect(read.imports.map(({ module, name }) => ({ module, name, kind: 'function' }))).toEqual(
        webAssembly.Module.imports(engines),
      );
      agreed++;
    },
  });

  expect(agreed).toBeGreaterThan(20);
}, 120_000);
