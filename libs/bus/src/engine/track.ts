/**
 * The offsets of one partition in one group: which were taken, which are finished, and the low watermark below which
 * everything is. Only the watermark may be committed: a crash then repeats work and never skips it.
 */
export class PartitionTrack {
  /** False once the partition belongs to somebody else: queued work is dropped, results no longer count. */
  live = true;
  private readonly taken: number[] = [];
  private head = 0;
  private readonly done = new Set<number>();

  /** @param next the first offset that was not taken yet */
  constructor(
    readonly topic: string,
    readonly partition: number,
    public next: number,
  ) {}

  /** False when the offset was taken before: a fetch after a rebalance starts at the committed offset again. */
  take(offset: number): boolean {
    if (offset < this.next) return false;
    this.next = offset + 1;
    this.taken.push(offset);
    return true;
  }

  /** Offsets up to here do not exist (compacted away): nothing to wait for. */
  skipTo(next: number): void {
    if (next > this.next) this.next = next;
  }

  finish(offset: number): void {
    if (offset !== this.taken[this.head]) {
      this.done.add(offset);
      return;
    }
    this.head += 1;
    while (this.head < this.taken.length && this.done.delete(this.taken[this.head] as number)) this.head += 1;
    // Cut the finished front off now and then; each time would cost more than the work itself.
    if (this.head > 1024 && this.head * 2 > this.taken.length) {
      this.taken.splice(0, this.head);
      this.head = 0;
    }
  }

  /** The lowest offset that is not finished. */
  get watermark(): number {
    return this.taken[this.head] ?? this.next;
  }

  /** Offsets between the watermark and the newest: how much a crash would repeat at most. */
  get span(): number {
    return this.next - this.watermark;
  }

  get outstanding(): number {
    return this.taken.length - this.head - this.done.size;
  }
}
