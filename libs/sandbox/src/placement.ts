import type { CpuHistory, Lane } from './cpu-history.js';
import type { Unit } from './types.js';

/** What a worker process is for: once bound it never serves another cordon. */
export interface Binding {
  key: string;
  cordon: string;
  lane: Lane;
}

const slowKey = (cordon: string): string => `${cordon} slow`;

/** The worker of a cordon's plugins that hold the processor long. */
export const slowBinding = (cordon: string): Binding => ({ key: slowKey(cordon), cordon, lane: 'slow' });

/** How far above the mean one of a cordon's workers may be loaded before its units go to the next one. */
const overMean = 1.25;
const ranksKept = 4_096;

/**
 * Chooses among a cordon's workers: always the same one for a unit, so that it is warm there, unless that has too much
 * to do (rendezvous hashing with bounded loads).
 * @param ranks the workers' indexes as the unit prefers them
 * @param loads what each has under way
 */
export function choose(ranks: readonly number[], loads: readonly number[]): number {
  let sum = 1;
  for (const load of loads) sum += load;
  const most = Math.ceil((overMean * sum) / loads.length);
  return ranks.find((index) => (loads[index] ?? 0) < most) ?? ranks[0] ?? 0;
}

/** The indexes below `count`, highest hash of (text, index) first. */
export function rank(text: string, count: number): number[] {
  const weights = Array.from({ length: count }, (_, index) => hash(`${index} ${text}`));
  return weights.map((_, index) => index).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0));
}

/** Decides which worker a unit belongs to: by its cordon, its lane, and its own name where a cordon has several. */
export class Placement {
  readonly #history: CpuHistory;
  readonly #perCordon: number;
  readonly #load: (key: string) => number;
  readonly #ranks = new Map<string, number[]>();

  /** @param load what a bound worker has under way, by key */
  constructor(history: CpuHistory, perCordon: number, load: (key: string) => number) {
    this.#history = history;
    this.#perCordon = perCordon;
    this.#load = load;
  }

  /** The path of every call: in the usual case a comparison and no new string. */
  keyOf(unit: Unit): string {
    const { cordon } = unit;
    const lane = this.#history.laneOf(unit);
    if (lane === 'slow') return slowKey(cordon);
    if (this.#perCordon === 1) return cordon;
    const keys = Array.from({ length: this.#perCordon }, (_, index) =>
      index ? `${cordon} ${index}` : cordon,
    );
    return keys[choose(this.#ranksOf(unit), keys.map(this.#load))] ?? cordon;
  }

  bindingOf(unit: Unit): Binding {
    const { cordon } = unit;
    if (this.#history.laneOf(unit) === 'slow') return slowBinding(cordon);
    return { key: this.keyOf(unit), cordon, lane: 'fast' };
  }

  #ranksOf({ key }: Unit): number[] {
    let ranks = this.#ranks.get(key);
    if (ranks) return ranks;
    const [oldest] = this.#ranks.keys();
    if (this.#ranks.size >= ranksKept && oldest !== undefined) this.#ranks.delete(oldest);
    this.#ranks.set(key, (ranks = rank(key, this.#perCordon)));
    return ranks;
  }
}

/** FNV-1a with murmur's last mixing: without it close texts have close hashes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
