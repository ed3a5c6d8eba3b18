import { fileURLToPath } from 'node:url';
import { fuzz, memoryOf, webAssembly } from '@mortise/testing';
import { expect, it } from 'vitest';
import { WasmRefused, withMemoryMaximum } from './wasm-binary.js';

const corpus = fileURLToPath(new URL('../../../bundle/fuzz/wasm', import.meta.url));
const pages = 20;

it('gives the engine a module whose memory stays below the maximum, or refuses it', async () => {
  let bounded = 0;
  await fuzz({
    name: 'wasm-binary',
    corpus,
    tries: 2_000,
    target(input) {
      let module;
      try {
        module = new webAssembly.Module(Buffer.from(withMemoryMaximum(input, pages).module));
      } catch (error) {
        expect(error instanceof WasmRefused || error instanceof webAssembly.CompileError).toBe(true);
        return;
      }
      const name = webAssembly.Module.exports(module).find(({ kind }) => kind === 'memory')?.name;
      if (name === undefined || webAssembly.Module.imports(module).length > 0) return;
      let memory;
      try {
        memory = memoryOf(module, name);
      } catch {
        return;
      }
      expect(() => memory.grow(pages + 1)).toThrow(RangeError);
      bounded++;
    },
  });

  expect(bounded).toBeGreaterThan(5);
}, 120_000);
