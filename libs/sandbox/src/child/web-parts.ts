import { readFileSync } from 'node:fs';
import type ivmTypes from 'isolated-vm';
import { entryOf, type Instance, type Isolate, type Reference } from './engine.js';

interface Part {
  source: string;
  compiled: ivmTypes.ExternalCopy<ArrayBuffer> | undefined;
}

const names = new Set(['clock', 'clone', 'crypto', 'encoding', 'events', 'fetch', 'files', 'streams', 'url']);
const mostMs = 1_000;

/**
 * The web's globals come in parts, put into a context when its plugin first touches one of them: a plugin that uses none
 * pays for none, in time or in memory. V8's code of each part is made once per process.
 */
export class WebParts {
  readonly #known = new Map<string, Part>();

  /** @returns an answer as `ask` gives it; the part itself goes to the context's entry `accept` */
  load(isolate: Isolate, instance: Instance, name: string, until: number): string {
    if (!names.has(name)) return '-TypeError There is no such part';
    const timeout = Math.max(1, Math.min(mostMs, Math.ceil(until - Date.now())));
    const part = this.#part(name);
    const origin = { filename: `mortise:${name}` };
    try {
      const script = isolate.compileScriptSync(part.source, {
        ...origin,
        ...(part.compiled && { cachedData: part.compiled }),
      });
      const made = script.runSync(instance.context, { reference: true, timeout }) as Reference;
      script.release();
      const accept = entryOf(instance, 'accept');
      accept.applySync(undefined, [made.derefInto()] as never[], { timeout });
      accept.release();
      made.release();
      part.compiled ??= (
        isolate.compileScriptSync(part.source, {
          ...origin,
          produceCachedData: true,
        }) as ivmTypes.CachedDataResult
      ).cachedData;
      return '+';
    } catch {
      return '-Error A part of the runtime could not be loaded';
    }
  }

  #part(name: string): Part {
    let part = this.#known.get(name);
    if (!part) {
      const source = readFileSync(new URL(`./prelude/parts/${name}.js`, import.meta.url), 'utf8');
      part = { source, compiled: undefined };
      this.#known.set(name, part);
    }
    return part;
  }
}
