import type { Binding } from './placement.js';
import type { Worker } from './worker.js';

interface Place {
  binding: Binding;
  /** Milliseconds since 1970. */
  deadline: number;
  since: number;
  give: (worker: Worker | undefined) => void;
}

/** Those that wait for a worker, in the order in which they came. */
export class Waiting {
  readonly #places: Place[] = [];

  get size(): number {
    return this.#places.length;
  }

  /** How many different workers they wait for. */
  get workers(): number {
    return new Set(this.#places.map(({ binding }) => binding.key)).size;
  }

  /** How long the first of them has waited. */
  oldestMs(now: number): number {
    const [first] = this.#places;
    return first ? now - first.since : 0;
  }

  add(place: Place): void {
    this.#places.push(place);
  }

  /** Gives everyone whose worker there is that worker. */
  serve(workerFor: (binding: Binding) => Worker | undefined): void {
    for (let at = 0; at < this.#places.length;) {
      const place = this.#places[at];
      const worker = place && workerFor(place.binding);
      if (!place || !worker) {
        at++;
        continue;
      }
      this.#places.splice(at, 1);
      place.give(worker);
    }
  }

  /** Sends those away whose time is over; all of them without a time. */
  expire(now = Number.POSITIVE_INFINITY): void {
    for (let at = this.#places.length - 1; at >= 0; at--) {
      const place = this.#places[at];
      if (!place || now < place.deadline) continue;
      this.#places.splice(at, 1);
      place.give(undefined);
    }
  }
}
