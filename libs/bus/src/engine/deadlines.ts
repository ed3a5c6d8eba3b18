import type { Clock } from '@mortise/service-kit';
import type { Timers } from './timing.js';

const slotMs = 20;

/**
 * Many deadlines on one timer: a request costs two Set operations instead of a timer of its own. Fires at most one
 * slot late, never early.
 */
export class Deadlines<T> {
  private readonly slots = new Map<number, Set<T>>();
  private cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly expired: (item: T) => void,
  ) {}

  /** @returns the slot, for `remove` */
  add(atMs: number, item: T): number {
    const slot = Math.ceil(atMs / slotMs);
    const items = this.slots.get(slot);
    if (items) items.add(item);
    else this.slots.set(slot, new Set([item]));
    this.cancel ??= this.timers.after(slotMs, () => this.tick());
    return slot;
  }

  remove(slot: number, item: T): void {
    const items = this.slots.get(slot);
    if (!items?.delete(item) || items.size > 0) return;
    this.slots.delete(slot);
  }

  private tick(): void {
    this.cancel = undefined;
    const now = this.clock.now();
    for (const [slot, items] of this.slots) {
      if (slot * slotMs > now) continue;
      this.slots.delete(slot);
      for (const item of items) this.expired(item);
    }
    if (this.slots.size > 0) this.cancel ??= this.timers.after(slotMs, () => this.tick());
  }

  close(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.slots.clear();
  }
}
