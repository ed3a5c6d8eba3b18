import { slowBinding, type Binding } from './placement.js';
import type { Unit } from './types.js';
import type { Remembered } from './units.js';
import type { Worker } from './worker.js';

const rewarmMost = 64;
const rewarmWithinMs = 10_000;
/**
 * Workers that one cordon may have beside those that serve it: the slow one, and one that runs out. Without this whoever
 * has enough plugins that hold a worker would have all workers there are.
 */
const beside = 2;

/** What the pool does for it. */
export interface SuccessionGround {
  all: ReadonlySet<Worker>;
  bound: Map<string, Worker>;
  /** A ready spare worker, bound from now on. */
  spare: (binding: Binding) => Worker | undefined;
  acquire: (binding: Binding, deadline: number, give: (worker: Worker | undefined) => void) => void;
  retire: (worker: Worker) => void;
  now: () => number;
  /** Hears of a unit that keeps a worker to itself. */
  onHeld: (unit: Unit) => void;
}

/** Who takes over from a worker that died, is worn, or is held by one run. */
export class Successions {
  readonly #ground: SuccessionGround;
  readonly #most: number;
  /** Bound ones that load what their predecessors have, before they take over. */
  readonly #waiting = new Map<string, Worker>();

  /** @param perCordon workers that serve a cordon's quick plugins */
  constructor(ground: SuccessionGround, perCordon: number) {
    this.#ground = ground;
    this.#most = perCordon + beside;
  }

  /** The one that is to take over, ready or not yet done with loading. */
  take(key: string): Worker | undefined {
    const worker = this.#waiting.get(key);
    this.#waiting.delete(key);
    return worker;
  }

  forget(worker: Worker): void {
    const key = worker.binding?.key;
    if (key !== undefined && this.#waiting.get(key) === worker) this.#waiting.delete(key);
  }

  /** What was warm in it is loaded again in the next one; what ran in it comes again by itself. */
  died(worker: Worker): void {
    const { binding } = worker;
    const warm = worker.units.remembered();
    // After those that were lost with it, which are sent again before this turn ends.
    if (binding) setImmediate(() => this.#rewarm(binding, warm));
  }

  /**
   * One plugin keeps a fast worker to itself: that becomes its cordon's slow one, or runs out where there is one, and
   * the others go on in a fresh one.
   */
  held(worker: Worker, unit: Unit): void {
    const { bound, retire, onHeld } = this.#ground;
    const { binding } = worker;
    if (!binding || binding.lane === 'slow' || bound.get(binding.key) !== worker) return;
    onHeld(unit);
    if (this.#isCrowded(binding.cordon)) return;
    const warm = worker.units.remembered();
    bound.delete(binding.key);
    const slow = slowBinding(binding.cordon);
    if (bound.has(slow.key) || this.#waiting.has(slow.key)) retire(worker);
    else {
      worker.bind(slow, worker.lastUsedAt);
      worker.units.evict((key) => key !== unit.key);
      bound.set(slow.key, worker);
    }
    this.#rewarm(binding, warm);
  }

  /** A worker that has served long, or grown, hands over to a fresh one that has loaded what it has. */
  recycle(worker: Worker): void {
    const { bound, spare, retire } = this.#ground;
    const { binding } = worker;
    if (!binding || this.#waiting.has(binding.key) || this.#isCrowded(binding.cordon)) return;
    const successor = spare(binding);
    if (!successor) return;
    this.#waiting.set(binding.key, successor);
    // A successor that loading has killed is followed by one that loads nothing ahead.
    const warm = worker.handovers++ === 0 ? worker.units.remembered(true).slice(0, rewarmMost) : [];
    successor.warm(warm, () => {
      this.forget(successor);
      if (bound.get(binding.key) === successor) return;
      if (bound.get(binding.key) === worker) retire(worker);
      bound.set(binding.key, successor);
    });
  }

  #isCrowded(cordon: string): boolean {
    let count = 0;
    for (const { binding, dead } of this.#ground.all) if (binding?.cordon === cordon && !dead) count++;
    return count >= this.#most;
  }

  #rewarm(binding: Binding, warm: Remembered[]): void {
    if (warm.length === 0) return;
    const { acquire, now } = this.#ground;
    acquire(binding, now() + rewarmWithinMs, (next) => next?.warm(warm.slice(0, rewarmMost)));
  }
}
