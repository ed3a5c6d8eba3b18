import type ivmTypes from 'isolated-vm';
import { entryOf, type Instance, type Isolate, type Reference } from './engine.js';

export interface SourceFile {
  filename: string;
  code: string;
}

/** What a plugin's file could not be loaded for; the code says at which step. */
export class LoadError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

interface Known {
  kind: 'module' | 'script';
  compiled: ivmTypes.ExternalCopy<ArrayBuffer> | undefined;
  bytes: number;
}

/** Has something like a statement of ES modules, if perhaps in a text only. */
const looksLikeModule =
  /(^|[;})/\s])(export\s*[{*]|export\s+(default|const|let|var|function|class|async)\b|import\s*[\w{*"'])/;
/** How a CommonJS file says what it exports. */
const speaksOfExports = /\b(?:module|exports)\b/;
const commonjsPrefix = '(function (exports, require, module) {';
const keptBytes = 32 * 1_048_576;

/**
 * Loads plugins' files into contexts, and keeps what was learnt of each: its kind and V8's code for it. Compiled code is
 * machine state that V8 trusts, so it is made here, lives in this process only and is never taken from anywhere.
 */
export class PluginCode {
  /** By the text itself, oldest first. */
  readonly #known = new Map<string, Known>();
  #bytes = 0;

  load(isolate: Isolate, instance: Instance, source: SourceFile, timeoutMs: number): void {
    const started = performance.now();
    const left = () => Math.max(1, Math.ceil(timeoutMs - (performance.now() - started)));
    let known = this.#known.get(source.code);
    if (known) this.#forget(source.code, known);
    else known = { kind: kindOf(isolate, source), compiled: undefined, bytes: source.code.length };
    if (known.kind === 'script') loadScript(isolate, instance, source, known, left);
    else loadModule(isolate, instance, source, known, left);
    this.#keep(source.code, known);
  }

  /** Worth its while after a run: the code then holds the functions that were used. */
  compile(isolate: Isolate, source: SourceFile): void {
    const known = this.#known.get(source.code);
    if (!known || known.compiled || isolate.isDisposed) return;
    const made =
      known.kind === 'script'
        ? isolate.compileScriptSync(wrapped(source.code), {
            ...scriptOrigin(source),
            produceCachedData: true,
          })
        : isolate.compileModuleSync(source.code, { filename: source.filename, produceCachedData: true });
    known.compiled = (made as ivmTypes.CachedDataResult).cachedData;
    const grown = known.compiled?.copy().byteLength ?? 0;
    known.bytes += grown;
    this.#bytes += grown;
  }

  #keep(code: string, known: Known): void {
    this.#known.set(code, known);
    this.#bytes += known.bytes;
    for (const [oldest, its] of this.#known) {
      if (this.#bytes <= keptBytes) return;
      this.#forget(oldest, its);
    }
  }

  #forget(code: string, known: Known): void {
    this.#known.delete(code);
    this.#bytes -= known.bytes;
  }
}

const wrapped = (code: string) => `${commonjsPrefix}${code}\n})`;
const scriptOrigin = ({ filename }: SourceFile) => ({ filename, columnOffset: -commonjsPrefix.length });

function loadModule(
  isolate: Isolate,
  instance: Instance,
  source: SourceFile,
  known: Known,
  left: () => number,
): void {
  const module = isolate.compileModuleSync(source.code, {
    filename: source.filename,
    ...(known.compiled && { cachedData: known.compiled }),
  });
  const specifier = module.dependencySpecifiers[0];
  if (specifier !== undefined) {
    const name = specifier.slice(0, 200);
    throw new LoadError('IMPORT_REFUSED', `The file imports '${name}': bundle it into one file`);
  }
  module.instantiateSync(instance.context, () => {
    throw new Error('imports are not available');
  });
  module.evaluateSync({ timeout: left() });
  const { namespace } = module;
  hand(instance, 'adopt', namespace, left());
  module.release();
}

function loadScript(
  isolate: Isolate,
  instance: Instance,
  source: SourceFile,
  known: Known,
  left: () => number,
): void {
  const wrapper = isolate.compileScriptSync(wrapped(source.code), {
    ...scriptOrigin(source),
    ...(known.compiled && { cachedData: known.compiled }),
  });
  const fn = wrapper.runSync(instance.context, { reference: true, timeout: left() }) as Reference;
  wrapper.release();
  hand(instance, 'commonjs', fn, left());
}

/** Gives the context what was loaded for it, and lets go of it: the context keeps what it needs. */
function hand(instance: Instance, name: string, loaded: ivmTypes.Reference, timeout: number): void {
  const entry = entryOf(instance, name);
  try {
    entry.applySync(undefined, [loaded.derefInto()] as never[], { timeout });
  } finally {
    entry.release();
    loaded.release();
  }
}

/**
 * Import and export statements are no syntax of scripts, so what parses as one is CommonJS. It is parsed by itself,
 * outside the wrapper: text that closes the wrapper early is a syntax error, not code of its own. Not asked where
 * CommonJS would export nothing, but by a `this` that no bundler writes: parsing is most of what a start takes.
 * @throws SyntaxError of a file that is neither
 */
function kindOf(isolate: Isolate, source: SourceFile): Known['kind'] {
  if (looksLikeModule.test(source.code) && !speaksOfExports.test(source.code)) return 'module';
  try {
    isolate.compileScriptSync(source.code, { filename: source.filename }).release();
    return 'script';
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (looksLikeModule.test(source.code)) return 'module';
    throw error;
  }
}
