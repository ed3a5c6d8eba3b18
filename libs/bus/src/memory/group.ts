import type { Subscription } from '../transport.js';
import { MemoryTrack, toReceived, type MemoryPartition } from './log.js';

/** One instance in a group. */
export interface Member {
  subscription: Subscription;
  paused: boolean;
}

interface Cursor {
  partition: MemoryPartition;
  next: number;
  owner: Member | undefined;
  track: MemoryTrack | undefined;
  /** Gets the partition once its owner has finished what it holds of it. */
  heir: Member | undefined;
}

/** A named group on one topic: shares the partitions among its members and remembers where it is without any. */
export class MemoryGroup {
  private readonly members: Member[] = [];
  private readonly cursors: Cursor[];

  constructor(
    private readonly topic: string,
    readonly bit: number,
    partitions: readonly MemoryPartition[],
    from: 'beginning' | 'latest',
  ) {
    this.cursors = partitions.map((partition) => ({
      partition,
      next: from === 'beginning' ? partition.start : partition.end,
      owner: undefined,
      track: undefined,
      heir: undefined,
    }));
  }

  join(member: Member): void {
    this.members.push(member);
    this.share();
  }

  leave(member: Member): void {
    const index = this.members.indexOf(member);
    if (index < 0) return;
    this.members.splice(index, 1);
    this.share();
  }

  private share(): void {
    for (const cursor of this.cursors) {
      const target = this.members[cursor.partition.number % (this.members.length || 1)];
      cursor.heir = undefined;
      if (cursor.owner === target) continue;
      // A member that is still there finishes what it holds, so that sharing again repeats nothing.
      const busy = cursor.owner && this.members.includes(cursor.owner) && cursor.track?.outstanding;
      if (busy) cursor.heir = target;
      else this.handOver(cursor, target);
    }
    this.pumpAll();
  }

  private handOver(cursor: Cursor, owner: Member | undefined): void {
    if (cursor.track) {
      cursor.track.live = false;
      cursor.next = Math.max(cursor.track.watermark, cursor.partition.start);
    }
    cursor.owner = owner;
    cursor.heir = undefined;
    cursor.track = owner && this.trackOf(cursor);
  }

  private trackOf(cursor: Cursor): MemoryTrack {
    const { partition, next } = cursor;
    const track = new MemoryTrack(this.topic, partition, this.bit, next, () => {
      if (!cursor.heir || cursor.track !== track || track.outstanding > 0) return;
      this.handOver(cursor, cursor.heir);
      this.pump(partition.number);
    });
    return track;
  }

  /** Hands over what the owner of the partition has room for. */
  pump(partition: number): void {
    const cursor = this.cursors[partition] as Cursor;
    const { owner, track, partition: log } = cursor;
    if (!owner || !track || owner.paused || cursor.heir) return;
    const { sink } = owner.subscription;
    if (cursor.next < log.start) cursor.next = log.start;
    while (cursor.next < log.end && !sink.isFull && cursor.owner === owner && !owner.paused) {
      const entry = log.at(cursor.next++);
      // Finished before its last owner left: nothing to repeat.
      if (!entry || (entry.waiting & this.bit) === 0) continue;
      track.take(entry.offset);
      sink.accept(toReceived(entry, log.number), track);
    }
  }

  pumpAll(): void {
    for (let partition = 0; partition < this.cursors.length; partition++) this.pump(partition);
  }

  /** How the member stands: what it has not finished of its partitions, and how many of them wait for it. */
  readingOf(member: Member): { lag: number; pausedPartitions: number } {
    const own = this.cursors.filter(({ owner }) => owner === member);
    const { sink } = member.subscription;
    const isFull = member.paused || sink.isFull;
    return {
      lag: own.reduce(
        (sum, { partition, track, next }) => sum + partition.end - (track?.watermark ?? next),
        0,
      ),
      pausedPartitions: isFull ? own.filter(({ partition, next }) => next < partition.end).length : 0,
    };
  }

  /** Offset from which the group still has to handle everything. */
  position(partition: number): number {
    return (this.cursors[partition] as Cursor).next;
  }
}
