import type { Aboard } from './aboard.js';
import { frameType } from './child/frames.js';
import type { Remembered } from './units.js';

/** What loading a plugin ahead may take: the cold start of the largest one, on a busy machine. */
const warmMs = 1_000;
export const errandGraceMs = 1_000;

/** Loads units into one worker ahead of their runs, one at a time and only while nothing else is under way. */
export class Warmer {
  readonly #aboard: Aboard;
  readonly #units: Remembered[] = [];
  #done: (() => void) | undefined;

  constructor(aboard: Aboard) {
    this.#aboard = aboard;
  }

  /** @param done called when none is left */
  add(units: readonly Remembered[], done: (() => void) | undefined): void {
    this.#units.push(...units);
    this.#done = done;
    this.next();
  }

  /** The worker has nothing to do. */
  next(): void {
    const { units } = this.#aboard;
    while (this.#aboard.size === 0) {
      const next = this.#units.shift();
      if (!next) {
        const done = this.#done;
        this.#done = undefined;
        return done?.();
      }
      const { unit, memoryMb } = next;
      const source = next.source.deref();
      if (!source || units.get(unit.key)) continue;
      const now = Date.now();
      const { no } = units.load(unit, source, memoryMb, now);
      const deadline = now + warmMs + errandGraceMs;
      this.#aboard.ask(frameType.warm, `${no} ${warmMs}\n`, { answer: () => {}, deadline, memoryMb });
    }
  }
}
