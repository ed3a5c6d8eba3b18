import { readFileSync } from 'node:fs';
import type ivmTypes from 'isolated-vm';

/** The native module as a worker loads it: straight from its file, without node-gyp-build's search of the disk. */
export type Ivm = typeof ivmTypes;
export type Isolate = ivmTypes.Isolate;
export type Context = ivmTypes.Context;
export type Reference = ivmTypes.Reference<(...args: never[]) => unknown>;

/** What plugin code reaches of the host: the number of a run and a text. */
export type Post = (run: number, message: string) => void;

export function loadIvm(file: string): Ivm {
  const loaded: { exports: { ivm?: Ivm } } = { exports: {} };
  process.dlopen(loaded, file);
  if (!loaded.exports.ivm) throw new Error('the isolated-vm binary exports nothing');
  return loaded.exports.ivm;
}

/** A context with the prelude run: the entries are all that is ever called in it. */
export interface Instance {
  context: Context;
  entries: ivmTypes.Reference<Record<string, () => unknown>>;
  run: Reference;
  deliver: Reference;
  /** The limits it was last told of, by the number under which the worker knows them. */
  limits: object | undefined;
}

export const entryOf = (instance: Instance, name: string): Reference =>
  instance.entries.getSync(name, { reference: true });

const parts = ['harden', 'bridge', 'globals'].map((name) =>
  readFileSync(new URL(`./prelude/${name}.js`, import.meta.url), 'utf8')
    .trim()
    .replace(/;$/, ''),
);
const preludeSource = `(function (post) { 'use strict';
const p = (${parts[0]})();
const core = (${parts[1]})(p, post);
(${parts[2]})(p, core);
return core.entries; })`;

/** Lets go of a context now: what only the collector of this process's own heap lets go of keeps it alive for long. */
export function releaseInstance(instance: Instance): void {
  for (const held of [instance.run, instance.deliver, instance.entries, instance.context]) held.release();
}

/** Makes isolates and contexts; the prelude is compiled once and its code kept for all that follow. */
export class Engine {
  readonly #ivm: Ivm;
  #preludeCode: ivmTypes.ExternalCopy<ArrayBuffer> | undefined;

  constructor(ivm: Ivm) {
    this.#ivm = ivm;
  }

  isolate(memoryMb: number): Isolate {
    return new this.#ivm.Isolate({
      memoryLimit: Math.max(8, memoryMb),
      // Nothing may go on in this process; the supervisor sees it end.
      onCatastrophicError: () => process.abort(),
    });
  }

  instance(isolate: Isolate, post: Post): Instance {
    const context = isolate.createContextSync();
    const filename = 'mortise:prelude';
    const script = isolate.compileScriptSync(preludeSource, {
      filename,
      ...(this.#preludeCode && { cachedData: this.#preludeCode }),
    });
    const boot = script.runSync(context, { reference: true }) as Reference;
    // Called at once and not on a later turn: the pump then knows all that an entry said when the entry returns.
    const entries = boot.applySync(undefined, [new this.#ivm.Callback(post)] as never[], {
      result: { reference: true },
      timeout: 1_000,
    }) as unknown as Instance['entries'];
    boot.release();
    script.release();
    // Made after a run, so that it holds the functions that the run compiled.
    this.#preludeCode ??= (
      isolate.compileScriptSync(preludeSource, {
        filename,
        produceCachedData: true,
      }) as ivmTypes.CachedDataResult
    ).cachedData;
    const instance: Instance = { context, entries, limits: undefined } as Instance;
    instance.run = entryOf(instance, 'run');
    instance.deliver = entryOf(instance, 'deliver');
    return instance;
  }
}
