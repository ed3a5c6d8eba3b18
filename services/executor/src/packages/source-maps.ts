import { originalPositionFor, TraceMap, type EncodedSourceMap } from '@jridgewell/trace-mapping';
import type { Clock } from '@mortise/service-kit';
import { LRUCache } from 'lru-cache';
import type { PackageSource } from './sources.js';

/** A map read is tens of megabytes of numbers at worst, and is written by a stranger. */
const keptMaps = 8;
const mostMappings = 1_048_576;
/** Reading one takes this process up to 20 ms: who fails often in many packages gets the rest of them unmapped. */
const pauseMs = 200;
const mostNameLength = 200;
const inline = '\n//# sourceMappingURL=data:application/json;base64,';

/** Turns the places in stacks of bundled code into those of the author's sources, where the package has a source map. */
export class SourceMaps {
  private readonly kept = new LRUCache<PackageSource, { map: TraceMap | undefined }>({ max: keptMaps });
  private lastReadAt = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** The stack as it is, when there is no map or none that can be read. */
  mapped(stack: string, source: PackageSource): string {
    const map = this.mapOf(source);
    if (!map) return stack;
    const place = new RegExp(`${escaped(source.filename)}:(\\d+):(\\d+)`, 'g');
    return stack.replace(place, (bundled, line: string, column: string) => {
      try {
        // Columns of stacks count from 1, those of maps from 0.
        const found = originalPositionFor(map, { line: Number(line), column: Number(column) - 1 });
        return found.source === null ? bundled : `${nameOf(found.source)}:${found.line}:${found.column + 1}`;
      } catch {
        return bundled;
      }
    });
  }

  private mapOf(source: PackageSource): TraceMap | undefined {
    const kept = this.kept.get(source);
    if (kept) return kept.map;
    const text = source.map ?? inlineMap(source.code);
    if (text === undefined) return undefined;
    const now = this.clock.now();
    if (now - this.lastReadAt < pauseMs) return undefined;
    this.lastReadAt = now;
    const map = readMap(text);
    this.kept.set(source, { map });
    return map;
  }
}

function readMap(text: string): TraceMap | undefined {
  try {
    const { version, sources, names, mappings } = JSON.parse(text) as EncodedSourceMap;
    if (typeof mappings !== 'string' || mappings.length > mostMappings) return undefined;
    return new TraceMap({ version, sources, names, mappings });
  } catch {
    return undefined;
  }
}

function inlineMap(code: string): string | undefined {
  const at = code.lastIndexOf(inline);
  return at < 0 ? undefined : Buffer.from(code.slice(at + inline.length), 'base64').toString('utf8');
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** `../src/main.ts` is `src/main.ts` to its author. */
const nameOf = (source: string): string =>
  source
    .replace(/^(\.\.?\/)+/, '')
    .replace(/\p{Cc}/gu, '')
    .slice(-mostNameLength);
