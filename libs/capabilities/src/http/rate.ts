import { LRUCache } from 'lru-cache';

const minuteMs = 60_000;

interface Bucket {
  left: number;
  filledAt: number;
}

/** So many requests of each installation a minute: a bucket that holds a minute's worth and fills evenly. */
export class Rate {
  readonly perMinute: number;
  readonly #buckets = new LRUCache<string, Bucket>({ max: 10_000 });
  readonly #now: () => number;

  constructor(perMinute: number, clock?: { now(): number }) {
    this.perMinute = perMinute;
    this.#now = () => clock?.now() ?? Date.now();
  }

  /** @returns 0 when it may go, else milliseconds until it may */
  take(installationId: string): number {
    const now = this.#now();
    const bucket = this.#buckets.get(installationId) ?? { left: this.perMinute, filledAt: now };
    const filled = ((now - bucket.filledAt) * this.perMinute) / minuteMs;
    const left = Math.min(this.perMinute, bucket.left + Math.max(0, filled));
    const goes = left >= 1;
    this.#buckets.set(installationId, { left: goes ? left - 1 : left, filledAt: now });
    return goes ? 0 : Math.ceil(((1 - left) * minuteMs) / this.perMinute);
  }
}
