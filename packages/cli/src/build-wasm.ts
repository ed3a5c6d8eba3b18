import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkWasm, codeFrame, declareMaximum, memoryMbOf } from '@mortise/bundle';
import type { FieldError, Manifest } from '@mortise/contracts';
import wabt from 'wabt';

const entries = ['src/main.wat', 'src/main.wasm'];
const pagesPerMb = 16;

/**
 * Makes the manifest's `main` of WebAssembly text, or of a module that another toolchain built, and checks it as
 * publishing does. A memory without a maximum gets the plugin's `limits.memoryMb`.
 * @param module file below the root to take; default src/main.wat or src/main.wasm
 */
export async function buildWasm(
  root: string,
  manifest: Manifest,
  module: string | undefined,
): Promise<{ sizeBytes: number } | FieldError[]> {
  const entry = module ?? entries.find((name) => existsSync(join(root, name)));
  if (entry === undefined || !existsSync(join(root, entry))) {
    const message = `there is no ${module ?? entries.join(' or ')} to build`;
    return [{ pointer: '', message, rule: 'main-source' }];
  }
  const source = await readFile(join(root, entry));
  const assembled = entry.endsWith('.wat') ? await assemble(entry, source.toString('utf8')) : source;
  if (Array.isArray(assembled)) return assembled;
  const bytes = declareMaximum(assembled, memoryMbOf(manifest) * pagesPerMb);
  const errors = checkWasm(entry, bytes, manifest);
  if (errors.length > 0) return errors;
  const out = join(root, manifest.main);
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, bytes);
  return { sizeBytes: bytes.length };
}

async function assemble(file: string, text: string): Promise<Buffer | FieldError[]> {
  const assembler = await wabt();
  try {
    const module = assembler.parseWat(file, text, {
      bulk_memory: true,
      reference_types: true,
      multi_value: true,
      simd: true,
    });
    module.resolveNames();
    module.validate();
    // The names of functions, for the stacks of traps.
    return Buffer.from(module.toBinary({ write_debug_names: true }).buffer);
  } catch (error) {
    return errorsOf(file, text, (error as Error).message);
  }
}

/** The assembler writes `file:line:column: error: message`, each with the line and a mark under it. */
function errorsOf(file: string, text: string, said: string): FieldError[] {
  const found = [...said.matchAll(/:(\d+):(\d+): error: (.*)/g)].map(([, line, column, message = '']) => {
    const place = { line: Number(line), column: Number(column) };
    return { file, pointer: '', message, rule: 'wasm-text', ...place, frame: codeFrame(text, place) };
  });
  return found.length > 0 ? found : [{ file, pointer: '', message: said, rule: 'wasm-text' }];
}
