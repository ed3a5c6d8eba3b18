import { readFileSync } from 'node:fs';
import type ivmTypes from 'isolated-vm';
import { answer } from './ask/ask.js';
import { WebParts } from './web-parts.js';

/** The native module as a worker loads it: straight from its file, without node-gyp-build's search of the disk. */
export type Ivm = typeof ivmTypes;
export type Isolate = ivmTypes.Isolate;
export type Context = ivmTypes.Context;
export type Reference = ivmTypes.Reference<(...args: never[]) => unknown>;

/** What plugin code reaches of the host while it runs: the number of a run and a text. */
export type Tell = (run: number, message: string) => void;

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
  together: Reference;
  deliver: Reference;
  collect: Reference;
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
const preludeSource = `(function (tell, ask) { 'use strict';
const p = (${parts[0]})();
const core = (${parts[1]})(p, tell, ask);
(${parts[2]})(p, core);
return core.entries; })`;

const preludeName = 'mortise:prelude';
const partPrefix = 'part ';

/** Processor time that V8 has counted for it. */
export const cpuMsOf = (isolate: Isolate): number => Number(isolate.cpuTime) / 1e6;

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Lets go of a context now: what only the collector of this process's own heap lets go of keeps it alive for long. */
export function releaseInstance({ run, together, deliver, collect, entries, context }: Instance): void {
  for (const held of [run, together, deliver, collect, entries, context]) held.release();
}

/** Makes isolates and contexts; the prelude is compiled once and its code kept for all that follow. */
export class Engine {
  readonly #ivm: Ivm;
  readonly #parts = new WebParts();
  readonly #late = new WeakSet<Isolate>();
  #preludeCode: ivmTypes.ExternalCopy<ArrayBuffer> | undefined;
  #asked: { isolateMs: number; threadMs: number } | undefined;
  /** Set by who enters an isolate: when what it asks of this process is to end. Milliseconds since 1970. */
  until = Infinity;
  /** Set as well by who enters with several runs: what they ask after it is refused, and none of them has been. */
  patientUntil = Infinity;

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

  instance(isolate: Isolate, tell: Tell): Instance {
    const context = isolate.createContextSync();
    const instance = { context, limits: undefined } as Instance;
    const script = isolate.compileScriptSync(preludeSource, {
      filename: preludeName,
      ...(this.#preludeCode && { cachedData: this.#preludeCode }),
    });
    const boot = script.runSync(context, { reference: true }) as Reference;
    // Called at once and not on a later turn: the pump then knows all that an entry said when the entry returns.
    const callbacks = [
      new this.#ivm.Callback(tell),
      new this.#ivm.Callback((question: string) => this.#answer(isolate, instance, question)),
    ];
    const entries = boot.applySync(undefined, callbacks as never[], {
      result: { reference: true },
      timeout: 1_000,
    }) as unknown as Instance['entries'];
    boot.release();
    script.release();
    instance.entries = entries;
    instance.run = entryOf(instance, 'run');
    instance.together = entryOf(instance, 'together');
    instance.deliver = entryOf(instance, 'deliver');
    instance.collect = entryOf(instance, 'collect');
    return instance;
  }

  /** Keeps V8's code of the prelude, with the functions of it that this isolate has compiled because it used them. */
  keepPrelude(isolate: Isolate): void {
    const made = isolate.compileScriptSync(preludeSource, { filename: preludeName, produceCachedData: true });
    this.#preludeCode = (made as ivmTypes.CachedDataResult).cachedData;
  }

  /**
   * V8's count of an isolate leaves out what this process does for it, and each way there and back, which is more. An
   * entry that has asked for something is charged this thread's own time from its first question on.
   * @returns processor time of the isolate before that question, and of this thread since; undefined: none was asked
   */
  takeAsked(): { isolateMs: number; sinceMs: number } | undefined {
    const asked = this.#asked;
    this.#asked = undefined;
    return asked && { isolateMs: asked.isolateMs, sinceMs: threadMs() - asked.threadMs };
  }

  /** Was it thrown away because it went on asking beyond its time? */
  wasLate(isolate: Isolate): boolean {
    return this.#late.has(isolate);
  }

  /**
   * Called on the plugin's stack. V8's clock stands still while this process works, so the time is watched here; an
   * isolate that is over it cannot be stopped from inside a call, only thrown away.
   */
  #answer(isolate: Isolate, instance: Instance, question: string): string {
    if (Date.now() > this.patientUntil) throw new Error('Begun anew');
    this.#asked ??= { isolateMs: cpuMsOf(isolate), threadMs: threadMs() };
    const part = typeof question === 'string' && question.startsWith(partPrefix);
    const answered = part
      ? this.#parts.load(isolate, instance, question.slice(partPrefix.length), this.until)
      : answer(question);
    if (Date.now() > this.until && !isolate.isDisposed) {
      this.#late.add(isolate);
      isolate.dispose();
    }
    return answered;
  }
}
