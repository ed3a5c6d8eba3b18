import type { Received } from '../record.js';
import type { Failures } from './failures.js';
import { Processor } from './processor.js';
import { Room } from './room.js';
import type { Sink } from './sink.js';
import type { PartitionTrack } from './track.js';

/** A record that a batch's handler cannot take, and why. */
export interface Refused {
  record: Received;
  error: unknown;
}

/**
 * Takes all records or throws. It may name single ones that it cannot take: the others of the batch are finished, those
 * are put aside, each alone, as records whose tries are used up.
 */
export type BatchHandler = (records: Received[]) => Promise<readonly Refused[] | void>;

/** The handler for one record: refused is thrown. */
export const aloneIn =
  (handler: BatchHandler) =>
  async (record: Received): Promise<void> => {
    const [refused] = (await handler([record])) ?? [];
    if (refused) throw refused.error;
  };

export interface BatcherOptions {
  handler: BatchHandler;
  maxBatch: number;
  /** How long a record waits for company. */
  delayMs: number;
  /** Records held before the transport stops handing over. */
  maxInFlight: number;
  failures: Failures;
}

interface Item {
  record: Received;
  track: PartitionTrack;
}

// So often a whole batch is tried; then its records go one by one, so that a poisonous one is found quickly.
const wholeTries = 3;
const none: ReadonlySet<Item> = new Set();

function finish({ record, track }: Item): void {
  if (track.live) track.finish(Number(record.offset));
}

/** Gathers records and handles them batch after batch, in order. */
export class Batcher implements Sink {
  private readonly room: Room;
  private gathered: Item[] = [];
  private busy = false;
  private stopped = false;
  private cancelTimer: (() => void) | undefined;
  private skipWait = (): void => {};
  private readonly singles: Processor;

  constructor(private readonly options: BatcherOptions) {
    this.room = new Room({ records: options.maxInFlight, resumeAt: options.maxInFlight / 2 });
    this.singles = new Processor({
      handler: aloneIn(options.handler),
      ordering: 'key',
      maxInFlight: 16,
      failures: options.failures,
    });
  }

  accept(record: Received, track: PartitionTrack): void {
    this.room.enter(record);
    this.gathered.push({ record, track });
    this.consider();
  }

  private consider(): void {
    if (this.busy || this.stopped || this.gathered.length === 0) return;
    if (this.gathered.length >= this.options.maxBatch) this.flush();
    else this.cancelTimer ??= this.options.failures.timers.after(this.options.delayMs, () => this.flush());
  }

  private flush(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    if (this.busy || this.stopped) return;
    const items = this.gathered.splice(0, this.options.maxBatch);
    const live = items.filter((item) => item.track.live);
    this.busy = true;
    void this.handle(live).then((aside) => {
      this.busy = false;
      this.left(aside.size === 0 ? items : items.filter((item) => !aside.has(item)));
      this.consider();
    });
  }

  /** @returns what is still being put aside */
  private async handle(items: Item[]): Promise<ReadonlySet<Item>> {
    if (items.length === 0) return none;
    for (let tries = 1; tries <= wholeTries; tries++) {
      try {
        const refused = (await this.options.handler(items.map((item) => item.record))) ?? [];
        const aside = this.putAside(items, refused);
        for (const item of items) if (!aside.has(item)) finish(item);
        return aside;
      } catch (error) {
        if (this.stopped) return none;
        const { failures } = this.options;
        const delayMs = failures.nextDelayMs(error, tries, failures.now());
        if (delayMs === undefined) break;
        for (const { record } of items) record.attempt += 1;
        if (tries < wholeTries) await this.wait(delayMs);
        if (this.stopped) return none;
      }
    }
    for (const { record, track } of items) this.singles.accept(record, track);
    await this.singles.idle();
    return none;
  }

  /** Nobody waits for it: the next batch may be handled before the dead letters have taken these. */
  private putAside(items: Item[], refused: readonly Refused[]): ReadonlySet<Item> {
    if (refused.length === 0) return none;
    const errors = new Map(refused.map(({ record, error }) => [record, error]));
    const aside = new Set(items.filter(({ record, track }) => track.live && errors.has(record)));
    for (const item of aside)
      void this.options.failures.giveUp(item.record, errors.get(item.record)).then((done) => {
        if (done) finish(item);
        this.left([item]);
      });
    return aside;
  }

  private wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.failures.timers.after(delayMs, resolve);
      this.skipWait = () => {
        cancel();
        resolve();
      };
    });
  }

  private left(items: Item[]): void {
    for (const { record } of items) this.room.leave(record);
    this.room.settle();
  }

  get held(): number {
    return this.room.held;
  }

  get isFull(): boolean {
    return this.room.isFull;
  }

  set onRoom(run: () => void) {
    this.room.onRoom = run;
  }

  idle(): Promise<void> {
    return this.room.idle();
  }

  stop(): void {
    this.stopped = true;
    this.cancelTimer?.();
    this.skipWait();
    this.singles.stop();
    const { gathered } = this;
    this.gathered = [];
    this.left(gathered);
  }
}
