import type { EventDefinition } from '@mortise/contracts';
import type { Logger } from '@mortise/service-kit';
import { decodeEvent } from './codec.js';
import type { Timers } from './engine/timing.js';
import type { Received } from './record.js';

type Listener<T> = (id: string, now: T | undefined, before: T | undefined) => void;
type Waiter = { revision: number; settle: (reached: boolean) => void };

const revisionOf = (data: object): number => {
  const revision: unknown = Reflect.get(data, 'revision');
  return typeof revision === 'number' ? revision : 0;
};

/**
 * A compacted state topic in memory, whole, by key. Replayed from the beginning at start and followed from then on;
 * a record with a lower revision than the one known is ignored, a tombstone removes its key.
 */
export class StateTable<T extends object> {
  private readonly rows = new Map<string, T>();
  private readonly listeners = new Set<Listener<T>>();
  private readonly waiters = new Map<string, Set<Waiter>>();
  private resolveCaughtUp!: () => void;
  private replayed = false;
  /** Everything that was in the topic at start is here. */
  readonly caughtUp: Promise<void> = new Promise((resolve) => (this.resolveCaughtUp = resolve));

  constructor(
    private readonly definition: EventDefinition<T>,
    private readonly timers: Timers,
    private readonly logger: Logger,
  ) {}

  get(id: string): T | undefined {
    return this.rows.get(id);
  }

  values(): Iterable<T> {
    return this.rows.values();
  }

  get size(): number {
    return this.rows.size;
  }

  /** Whether `caughtUp` has resolved. */
  get isCaughtUp(): boolean {
    return this.replayed;
  }

  /** True once the row has at least this revision; false when the time passes first. */
  waitFor(id: string, revision: number, timeoutMs: number): Promise<boolean> {
    const row = this.rows.get(id);
    if (row && revisionOf(row) >= revision) return Promise.resolve(true);
    if (timeoutMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiters = this.waiters.get(id) ?? new Set();
      this.waiters.set(id, waiters);
      const settle = (reached: boolean) => {
        cancel();
        waiters.delete(waiter);
        if (waiters.size === 0) this.waiters.delete(id);
        resolve(reached);
      };
      const cancel = this.timers.after(timeoutMs, () => settle(false));
      const waiter: Waiter = { revision, settle };
      waiters.add(waiter);
    });
  }

  /** @returns stops the calls */
  onChange(listener: Listener<T>): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** A record of the topic; the bus calls it. */
  readonly apply = (record: Received): void => {
    if (record.key === null) return;
    if (record.value === null) {
      this.change(record.key, undefined);
      return;
    }
    let data: T;
    try {
      data = decodeEvent(this.definition, record).data;
    } catch (error) {
      // Every instance reads every record: a dead letter from each of them would help nobody.
      this.logger.error({ topic: record.topic, offset: record.offset, err: error }, 'state record skipped');
      return;
    }
    const known = this.rows.get(record.key);
    if (known && revisionOf(known) > revisionOf(data)) return;
    this.change(record.key, data);
  };

  /** The replay is over; the bus calls it. */
  readonly markCaughtUp = (): void => {
    this.replayed = true;
    this.resolveCaughtUp();
  };

  private change(id: string, now: T | undefined): void {
    const before = this.rows.get(id);
    if (now) this.rows.set(id, now);
    else this.rows.delete(id);
    for (const listener of this.listeners) {
      try {
        listener(id, now, before);
      } catch (error) {
        this.logger.error({ topic: this.definition.topic, id, err: error }, 'a listener of the state failed');
      }
    }
    if (!now) return;
    for (const waiter of [...(this.waiters.get(id) ?? [])])
      if (revisionOf(now) >= waiter.revision) waiter.settle(true);
  }
}
