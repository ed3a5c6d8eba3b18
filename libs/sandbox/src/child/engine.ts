import { readFileSync } from 'node:fs';
import type ivmTypes from 'isolated-vm';

/** The native module as a worker loads it: straight from its file, without node-gyp-build's search of the disk. */
export type Ivm = typeof ivmTypes;
export type Reference = ivmTypes.Reference<(...args: never[]) => unknown>;

export interface Hooks {
  post: (kind: number, run: number, a: number, b: number | string, text: string) => void;
  log: (run: number, level: number, line: string, fields: string) => void;
}

const prelude = ['harden', 'bridge', 'globals'].map((name) =>
  readFileSync(new URL(`./prelude/${name}.js`, import.meta.url), 'utf8')
    .trim()
    .replace(/;$/, ''),
);
const preludeSource = `(function (post, log) { 'use strict';
const p = (${prelude[0]})();
const core = (${prelude[1]})(p, post, log);
(${prelude[2]})(p, core, post);
return core.entries; })`;

export function loadIvm(file: string): Ivm {
  const loaded: { exports: { ivm?: Ivm } } = { exports: {} };
  process.dlopen(loaded, file);
  if (!loaded.exports.ivm) throw new Error('the isolated-vm binary exports nothing');
  return loaded.exports.ivm;
}

/** What a plugin's file could not be loaded for; the code says at which step. */
export class LoadError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A context with the prelude run and the plugin's file loaded: the entries are all that is ever called in it. */
export interface Instance {
  context: ivmTypes.Context;
  run: Reference;
  deliver: Reference;
  fire: Reference;
  drop: Reference;
  inspect: Reference;
}

/** Has something like a statement of ES modules; asked only of files that do not parse as scripts. */
const looksLikeModule =
  /(^|[;}\s])(export\s*[{*]|export\s+(default|const|let|var|function|class|async)\b|import\s*[\w{*"'])/;
const commonjsPrefix = '(function (exports, require, module) {';

export function makeInstance(
  ivm: Ivm,
  isolate: ivmTypes.Isolate,
  hooks: Hooks,
  source: { filename: string; code: string },
  timeoutMs: number,
): Instance {
  const context = isolate.createContextSync();
  const boot = context.evalSync(preludeSource, { reference: true, filename: 'mortise:prelude' });
  const ignored = { ignored: true } as never;
  const entries = boot.applySync(
    undefined,
    [new ivm.Callback(hooks.post, ignored), new ivm.Callback(hooks.log, ignored)],
    { result: { reference: true }, timeout: 1_000 },
  ) as ivmTypes.Reference<Record<string, () => unknown>>;
  const entry = (name: string) => entries.getSync(name, { reference: true }) as unknown as Reference;
  const instance: Instance = {
    context,
    run: entry('run'),
    deliver: entry('deliver'),
    fire: entry('fire'),
    drop: entry('drop'),
    inspect: entry('inspect'),
  };
  const started = performance.now();
  const left = () => Math.max(1, Math.ceil(timeoutMs - (performance.now() - started)));

  const asModule = (): void => {
    const module = isolate.compileModuleSync(source.code, { filename: source.filename });
    const specifier = module.dependencySpecifiers[0];
    if (specifier !== undefined) {
      const name = specifier.slice(0, 200);
      throw new LoadError('IMPORT_REFUSED', `The file imports '${name}': bundle it into one file`);
    }
    module.instantiateSync(context, () => {
      throw new Error('imports are not available');
    });
    module.evaluateSync({ timeout: left() });
    entry('adopt').applySync(undefined, [module.namespace.derefInto()] as never[], { timeout: left() });
  };
  const asScript = (): void => {
    const wrapper = isolate.compileScriptSync(`${commonjsPrefix}${source.code}\n})`, {
      filename: source.filename,
      columnOffset: -commonjsPrefix.length,
    });
    const fn = wrapper.runSync(context, { reference: true, timeout: left() }) as ivmTypes.Reference<unknown>;
    entry('commonjs').applySync(undefined, [fn.derefInto()] as never[], { timeout: left() });
  };

  if (parsesAsScript(isolate, source)) asScript();
  else asModule();
  return instance;
}

/**
 * Import and export statements are no syntax of scripts, so what parses as one is CommonJS. It is parsed by itself,
 * outside the wrapper: text that closes the wrapper early is a syntax error, not code of its own.
 * @throws SyntaxError of a file that is neither
 */
function parsesAsScript(isolate: ivmTypes.Isolate, source: { filename: string; code: string }): boolean {
  try {
    isolate.compileScriptSync(source.code, { filename: source.filename }).release();
    return true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (looksLikeModule.test(source.code)) return false;
    throw error;
  }
}
