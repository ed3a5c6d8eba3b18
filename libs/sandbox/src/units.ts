import type { Limits } from '@mortise/contracts';
import { frameType, type FrameWriter } from './child/frames.js';
import type { Source, Unit } from './types.js';

/** Beyond its heap an isolate costs V8's own tables and a context. */
const isolateMb = 1.5;
/** Sets of limits a worker knows at a time; the next one takes the number of the oldest. */
const limitsKept = 256;

export interface LoadedUnit {
  no: number;
  unit: Unit;
  /** Held weakly: who loads packages decides how long they stay in memory. */
  source: WeakRef<Source>;
  memoryMb: number;
  lastUsedAt: number;
  inFlight: number;
  /** Runs since it was loaded. */
  runs: number;
  heapMb: number;
  /** Loaded or used since the worker's memory at rest was measured. */
  grown: boolean;
}

/** What it takes to load a unit again elsewhere. */
export interface Remembered {
  unit: Unit;
  source: WeakRef<Source>;
  memoryMb: number;
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
  readonly #mostMb: number;
  readonly #loaded = new Map<string, LoadedUnit>();
  /** Evicted, and still run by what was under way. */
  readonly #draining = new Set<LoadedUnit>();
  readonly #limits = new Map<string, number>();
  #nextUnit = 1;
  #nextLimits = 0;

  /** @param mostMb isolates at rest are thrown away, least recently used first, before they take more */
  constructor(writer: FrameWriter, mostMb: number) {
    this.#writer = writer;
    this.#mostMb = mostMb;
  }

  get size(): number {
    return this.#loaded.size;
  }

  get(key: string): LoadedUnit | undefined {
    return this.#loaded.get(key);
  }

  load(unit: Unit, source: Source, memoryMb: number, now: number): LoadedUnit {
    this.#trim();
    const { source: _text, load: _load, ...about } = unit;
    const loaded: LoadedUnit = {
      no: this.#nextUnit++,
      unit: about,
      source: new WeakRef(source),
      memoryMb,
      lastUsedAt: now,
      inFlight: 0,
      runs: 0,
      heapMb: 0,
      grown: true,
    };
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

  /** A run of the unit begins. */
  entered(unit: LoadedUnit, now: number): void {
    unit.lastUsedAt = now;
    unit.inFlight += 1;
    unit.runs += 1;
    unit.grown = true;
  }

  /** A run of the unit has ended. */
  left(unit: LoadedUnit): void {
    unit.inFlight -= 1;
    if (unit.inFlight === 0) this.#draining.delete(unit);
  }

  /** The worker's memory at rest has just been measured: what is loaded now is in it. */
  measured(): void {
    for (const unit of this.#loaded.values()) unit.grown = false;
  }

  /** Memory that what has happened since the worker was at rest may have taken. */
  allowedMb(): number {
    let allowedMb = 0;
    for (const unit of this.#draining) allowedMb += unit.memoryMb;
    for (const unit of this.#loaded.values()) {
      if (unit.inFlight > 0) allowedMb += unit.memoryMb;
      else if (unit.grown) allowedMb += sizeMb(unit);
    }
    return allowedMb;
  }

  /** What the isolates take, as far as it is known. */
  sizeMb(): number {
    let mb = 0;
    for (const unit of this.#loaded.values()) mb += sizeMb(unit);
    return mb;
  }

  /**
   * Units that were used, the most recent first: what a successor loads again.
   * @param running also those that run right now: not after a kill, when one of them may be to blame
   */
  remembered(running = false): Remembered[] {
    return [...this.#loaded.values()]
      .filter(({ inFlight, runs }) => runs > 0 && (running || inFlight === 0))
      .sort((a, b) => b.lastUsedAt - a.lastUsedAt);
  }

  /** Those at rest, with what throwing one away gives back. */
  atRest(): { key: string; lastUsedAt: number; mb: number }[] {
    return [...this.#loaded]
      .filter(([, { inFlight }]) => inFlight === 0)
      .map(([key, unit]) => ({ key, lastUsedAt: unit.lastUsedAt, mb: sizeMb(unit) }));
  }

  evict(match: (key: string) => boolean): void {
    for (const [key, unit] of this.#loaded) if (match(key)) this.#drop(key, unit);
  }

  /** Makes room for one more: least recently used first, never one that runs. */
  #trim(): void {
    let overMb = this.sizeMb() + isolateMb - this.#mostMb;
    if (overMb <= 0) return;
    for (const { key, mb } of this.atRest().sort((a, b) => a.lastUsedAt - b.lastUsedAt)) {
      if (overMb <= 0) return;
      overMb -= mb;
      this.evict((known) => known === key);
    }
  }

  #drop(key: string, unit: LoadedUnit): void {
    this.#loaded.delete(key);
    if (unit.inFlight > 0) this.#draining.add(unit);
    this.#writer.send(unit.no, frameType.unload, '');
  }
}

const sizeMb = ({ heapMb }: LoadedUnit): number => heapMb + isolateMb;
