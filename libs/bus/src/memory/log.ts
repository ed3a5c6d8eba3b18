import { PartitionTrack } from '../engine/track.js';
import type { BusRecord, Received } from '../record.js';

/** A record in the log, with who still has to finish it. */
export interface Entry {
  record: BusRecord;
  offset: number;
  timestamp: number;
  /** One bit for each group that has not finished it. */
  waiting: number;
  /** Called once, when no bit is left. */
  settled: (() => void) | undefined;
}

/** One partition: its records from the oldest unfinished one on. */
export class MemoryPartition {
  private entries: Entry[] = [];
  private head = 0;
  private base = 0;

  constructor(
    readonly number: number,
    private readonly onTrimmed: (count: number) => void,
  ) {}

  get end(): number {
    return this.base + this.entries.length - this.head;
  }

  get start(): number {
    return this.base;
  }

  at(offset: number): Entry | undefined {
    return this.entries[this.head + offset - this.base];
  }

  append(entry: Entry): void {
    this.entries.push(entry);
  }

  /** A record that nobody has to finish is counted and not kept. */
  passThrough(): void {
    if (this.entries.length === this.head) this.base += 1;
  }

  /** A group has finished the entry, or will never have to. */
  clear(offset: number, bits: number): void {
    const entry = this.at(offset);
    if (!entry || offset < this.base || (entry.waiting & bits) === 0) return;
    entry.waiting &= ~bits;
    if (entry.waiting !== 0) return;
    entry.settled?.();
    entry.settled = undefined;
    this.trim();
  }

  private trim(): void {
    const before = this.head;
    while (this.head < this.entries.length && (this.entries[this.head] as Entry).waiting === 0)
      this.head += 1;
    const trimmed = this.head - before;
    if (trimmed === 0) return;
    this.base += trimmed;
    if (this.head === this.entries.length) {
      this.entries = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.entries.length) {
      this.entries.splice(0, this.head);
      this.head = 0;
    }
    this.onTrimmed(trimmed);
  }
}

/** Tells the log what a group has finished. */
export class MemoryTrack extends PartitionTrack {
  constructor(
    topic: string,
    private readonly log: MemoryPartition,
    private readonly bit: number,
    next: number,
    private readonly onFinished: () => void,
  ) {
    super(topic, log.number, next);
  }

  override finish(offset: number): void {
    super.finish(offset);
    this.log.clear(offset, this.bit);
    this.onFinished();
  }
}

/** Each group gets headers of its own: what one handler does to them no other sees. */
export const toReceived = (entry: Omit<Entry, 'waiting' | 'settled'>, partition: number): Received => ({
  topic: entry.record.topic,
  key: entry.record.key,
  value: entry.record.value,
  headers: { ...entry.record.headers },
  partition,
  offset: String(entry.offset),
  timestamp: entry.timestamp,
  attempt: 1,
});
