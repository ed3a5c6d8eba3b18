import type { Limits } from '@mortise/contracts';
import { frameType, type FrameWriter } from './child/frames.js';
import type { Source, Unit } from './types.js';

const maxUnits = 64;
const maxUnitsMb = 256;
/** Sets of limits a worker knows at a time; the next one takes the number of the oldest. */
const limitsKept = 256;

export interface LoadedUnit {
  no: number;
  memoryMb: number;
  lastUsedAt: number;
  inFlight: number;
  heapMb: number;
}

const limitTexts = new WeakMap<Limits, string>();
function limitsText(limits: Limits): string {
  let text = limitTexts.get(limits);
  if (text === undefined) limitTexts.set(limits, (text = JSON.stringify(limits)));
  return text;
}

/** What one worker has been told: code of units and sets of limits, each sent once and then spoken of by number. */
export class Units {
  readonly #writer: FrameWriter;
  readonly #loaded = new Map<string, LoadedUnit>();
  readonly #limits = new Map<string, number>();
  #nextUnit = 1;
  #nextLimits = 0;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  get size(): number {
    return this.#loaded.size;
  }

  get(key: string): LoadedUnit | undefined {
    return this.#loaded.get(key);
  }

  load(unit: Unit, source: Source, memoryMb: number, now: number): LoadedUnit {
    this.#trim();
    const loaded = { no: this.#nextUnit++, memoryMb, lastUsedAt: now, inFlight: 0, heapMb: 0 };
    this.#loaded.set(unit.key, loaded);
    const fresh = unit.isolation === 'execution' ? 1 : 0;
    const { filename, code } = source;
    this.#writer.send(
      loaded.no,
      frameType.load,
      `${memoryMb} ${fresh} ${filename.length}\n${filename}${code}`,
    );
    return loaded;
  }

  /** The number under which the worker knows these limits. */
  limitsNo(limits: Limits): number {
    const text = limitsText(limits);
    const known = this.#limits.get(text);
    if (known !== undefined) return known;
    const no = this.#nextLimits++ % limitsKept;
    const [oldest] = this.#limits.keys();
    if (this.#limits.size >= limitsKept && oldest !== undefined) this.#limits.delete(oldest);
    this.#limits.set(text, no);
    this.#writer.send(no, frameType.limits, text);
    return no;
  }

  /** Memory that the runs under way may take together. */
  allowedMb(): number {
    let allowedMb = 0;
    for (const unit of this.#loaded.values()) if (unit.inFlight > 0) allowedMb += unit.memoryMb;
    return allowedMb;
  }

  evict(match: (key: string) => boolean): void {
    for (const [key, unit] of this.#loaded) if (match(key)) this.#drop(key, unit);
  }

  /** Makes room for one more: least recently used first, never one that runs. */
  #trim(): void {
    let heapMb = 0;
    for (const unit of this.#loaded.values()) heapMb += unit.heapMb;
    if (this.#loaded.size < maxUnits && heapMb < maxUnitsMb) return;
    const idle = [...this.#loaded].filter(([, unit]) => unit.inFlight === 0);
    idle.sort(([, a], [, b]) => a.lastUsedAt - b.lastUsedAt);
    for (const [key, unit] of idle) {
      if (this.#loaded.size < maxUnits && heapMb < maxUnitsMb) return;
      heapMb -= unit.heapMb;
      this.#drop(key, unit);
    }
  }

  #drop(key: string, unit: LoadedUnit): void {
    this.#loaded.delete(key);
    this.#writer.send(unit.no, frameType.unload, '');
  }
}
