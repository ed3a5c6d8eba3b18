import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FieldError, Manifest } from '@mortise/contracts';
import { codeFrame, type Refusal } from '@mortise/bundle';
import * as esbuild from 'esbuild';
import { buildWasm } from './build-wasm.js';
import { readProjectManifest } from './project.js';

export interface BuildOptions {
  minify?: boolean;
  /** Writes main.js.map beside main.js; default true. The package carries it only when asked to. */
  sourceMap?: boolean;
  /** Further export conditions for resolving imports, as in Node's --conditions. */
  conditions?: string[];
  /** Of runtime wasm: the .wat or .wasm file to build from, below the folder. */
  module?: string;
}

export type BuildOutcome = { ok: true; main: string; sizeBytes: number } | Refusal;

const entries = ['src/main.ts', 'src/main.js', 'src/index.ts', 'src/index.js'];
const outfile = 'dist/main.js';

/**
 * Bundles a plugin's sources into dist/main.js: one ES module that imports nothing, as publishing asks for. Of runtime
 * wasm it makes the manifest's main.
 */
export async function build(dir: string, options: BuildOptions = {}): Promise<BuildOutcome> {
  const root = resolve(dir);
  const read = await readProjectManifest(root);
  if (!read.ok) return read;
  if (read.manifest.runtime === 'wasm') {
    const { main } = read.manifest;
    const made = await buildWasm(root, read.manifest, options.module);
    return Array.isArray(made) ? refusal(made) : { ok: true, main, ...made };
  }
  const entry = entries.find((name) => existsSync(join(root, name)));
  if (!entry)
    return refusal([
      { pointer: '', message: `there is no ${entries.join(', ')} to build`, rule: 'main-source' },
    ]);
  const bundled = await bundle(root, entry, options);
  if (Array.isArray(bundled)) return refusal(bundled);
  const missing = missingHandlers(read.manifest, bundled.exports);
  if (missing.length > 0) return refusal(missing.map((error) => ({ ...error, file: entry })));
  return { ok: true, main: outfile, sizeBytes: (await stat(join(root, outfile))).size };
}

async function bundle(
  root: string,
  entry: string,
  options: BuildOptions,
): Promise<FieldError[] | { exports: string[] }> {
  try {
    const { metafile } = await esbuild.build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: 'esm',
      // Neither Node nor a browser, but what libraries make for workers and browsers runs in the sandbox.
      platform: 'neutral',
      mainFields: ['browser', 'module', 'main'],
      conditions: ['worker', 'browser', 'import', ...(options.conditions ?? [])],
      define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
      target: 'es2024',
      charset: 'utf8',
      legalComments: 'none',
      minify: options.minify ?? false,
      sourcemap: options.sourceMap === false ? false : 'external',
      metafile: true,
      logLevel: 'silent',
    });
    return { exports: Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint)?.exports ?? [] };
  } catch (error) {
    const messages = (error as Partial<esbuild.BuildFailure>).errors;
    if (!messages) throw error;
    return messages.map(located);
  }
}

function located({ text, location, notes }: esbuild.Message): FieldError {
  const hint =
    /Could not resolve "(node:|fs|path|http|https|crypto|os|child_process|net|stream|url|util|buffer)/.test(
      text,
    )
      ? `${text}: Node's own modules do not exist in the sandbox, use ctx`
      : [text, ...notes.slice(0, 1).map((note) => note.text)].join(': ');
  if (!location) return { pointer: '', message: hint, rule: 'build' };
  const place = { line: location.line, column: location.column + 1 };
  const frame = codeFrame(location.lineText, { line: 1, column: place.column });
  return { file: location.file, pointer: '', message: hint, rule: 'build', ...place, frame };
}

/** Functions that the manifest names and the code does not export; `default.functions` is known at run time only. */
function missingHandlers(manifest: Manifest, exports: string[]): FieldError[] {
  if (exports.includes('default')) return [];
  return Object.entries(manifest.functions ?? {}).flatMap(([name, { handler = name }]) =>
    exports.includes(handler)
      ? []
      : [
          {
            pointer: '',
            message: `"${handler}" is not exported, and the manifest's functions name it`,
            rule: 'function-exported',
          },
        ],
  );
}

const refusal = (errors: FieldError[]): Refusal => ({ ok: false, code: 'MAIN_INVALID', errors });
