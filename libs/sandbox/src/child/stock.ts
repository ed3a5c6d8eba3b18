import type { Engine, Instance, Isolate, Tell } from './engine.js';

/** An isolate nobody has used, with a context in which the prelude has run. */
export interface Blank {
  isolate: Isolate;
  instance: Instance;
}

const kept = 3;
const sizesKept = 2;
const refillAfterMs = 5;

/** Blank isolates made ahead, so that a cold start pays for the plugin's own code only. */
export class Stock {
  readonly #engine: Engine;
  readonly #tell: Tell;
  readonly #onCount: (count: number) => void;
  /** By memory limit, which an isolate has for life; the last is the one used last. */
  readonly #sizes = new Map<number, Blank[]>();
  #refill: NodeJS.Timeout | undefined;

  /** @param onCount hears how many there are when that has changed */
  constructor(engine: Engine, tell: Tell, onCount: (count: number) => void) {
    this.#engine = engine;
    this.#tell = tell;
    this.#onCount = onCount;
  }

  take(memoryMb: number): Blank {
    const blank = this.#blanks(memoryMb).pop() ?? this.#make(memoryMb);
    this.#refill ??= setTimeout(this.#makeOne, refillAfterMs);
    return blank;
  }

  /** Makes the first ones for plugins of this size. */
  expect(memoryMb: number): void {
    this.#blanks(memoryMb);
    this.#makeOne();
  }

  #blanks(memoryMb: number): Blank[] {
    const blanks = this.#sizes.get(memoryMb) ?? [];
    this.#sizes.delete(memoryMb);
    this.#sizes.set(memoryMb, blanks);
    const [oldest] = this.#sizes;
    if (this.#sizes.size > sizesKept && oldest) {
      this.#sizes.delete(oldest[0]);
      for (const { isolate } of oldest[1]) isolate.dispose();
    }
    return blanks;
  }

  /** One a turn of the clock: making all at once would hold up the runs between. */
  readonly #makeOne = (): void => {
    this.#refill = undefined;
    for (const [memoryMb, blanks] of [...this.#sizes].reverse()) {
      if (blanks.length >= kept) continue;
      blanks.push(this.#make(memoryMb));
      this.#onCount([...this.#sizes.values()].reduce((sum, { length }) => sum + length, 0));
      this.#refill = setTimeout(this.#makeOne, refillAfterMs);
      return;
    }
  };

  #make(memoryMb: number): Blank {
    const isolate = this.#engine.isolate(memoryMb);
    return { isolate, instance: this.#engine.instance(isolate, this.#tell) };
  }
}
