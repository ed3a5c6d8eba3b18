import { topic as definitionOf, type TopicDefinition, type TopicName } from '@mortise/contracts';
import { PartitionTrack } from '../engine/track.js';
import { hashToPartition } from '../partitions.js';
import type { BusRecord } from '../record.js';
import type { Subscription } from '../transport.js';
import { MemoryGroup } from './group.js';
import { MemoryPartition, toReceived, type Entry } from './log.js';

const gateBit = 1 << 30;
const maxGroups = 30;
// So many unfinished records wait in a topic before senders wait too.
const maxRetained = 50_000;

interface Solo {
  subscription: Subscription;
  tracks: PartitionTrack[];
}

/** A topic of this process: partitions, the groups' places in them, and the latest record per key if compacted. */
export class MemoryTopic {
  readonly definition: TopicDefinition;
  private readonly partitions: MemoryPartition[];
  private readonly groups = new Map<string, MemoryGroup>();
  private readonly solos = new Set<Solo>();
  private readonly latest = new Map<string, Entry>();
  private groupBits = 0;
  private retained = 0;
  private roundRobin = 0;
  private readonly queue: (() => void)[] = [];
  /** Keys removed while the owner's snapshot is being read. */
  private removed: Set<string> | undefined;

  /** @param schedule runs the delivery after the sender's own turn */
  constructor(
    readonly name: TopicName,
    private readonly schedule: (deliver: () => void) => void,
    private held: boolean,
  ) {
    this.definition = definitionOf(name);
    this.partitions = Array.from(
      { length: this.definition.partitions },
      (_, number) => new MemoryPartition(number, (count) => this.trimmed(count)),
    );
  }

  private trimmed(count: number): void {
    this.retained -= count;
    while (this.queue.length > 0 && this.retained < maxRetained) this.queue.shift()?.();
  }

  /** Undefined when the topic has room, else resolves when it is this sender's turn. */
  room(): Promise<void> | undefined {
    if (this.queue.length === 0 && this.retained < maxRetained) return undefined;
    return new Promise((resolve) => this.queue.push(resolve));
  }

  /** @param settled called once every named group has finished the record */
  append(record: BusRecord, timestamp: number, settled: (() => void) | undefined): void {
    const number =
      record.partition ??
      (record.key === null
        ? this.roundRobin++ % this.partitions.length
        : hashToPartition(record.key, this.partitions.length));
    const partition = this.partitions[number % this.partitions.length] as MemoryPartition;
    const waiting = this.groupBits | (this.held ? gateBit : 0);
    const entry: Entry = { record, offset: partition.end, timestamp, waiting, settled };
    if (this.definition.cleanup === 'compact') this.compact(record, entry);
    if (waiting === 0) {
      partition.passThrough();
      settled?.();
    } else {
      partition.append(entry);
      this.retained += 1;
      if (this.groupBits !== 0) this.schedule(() => this.pump(partition.number));
    }
    if (this.solos.size > 0) this.schedule(() => this.toSolos(entry, partition.number));
  }

  private compact(record: BusRecord, entry: Entry): void {
    if (record.key === null) return;
    this.latest.delete(record.key);
    if (record.value !== null) this.latest.set(record.key, entry);
    else this.removed?.add(record.key);
  }

  private pump(partition: number): void {
    for (const group of this.groups.values()) group.pump(partition);
  }

  private toSolos(entry: Entry, partition: number): void {
    for (const solo of this.solos) this.toSolo(solo, entry, partition);
  }

  private toSolo(solo: Solo, entry: Entry, partition: number): void {
    const track = solo.tracks[partition] as PartitionTrack;
    track.take(entry.offset);
    solo.subscription.sink.accept(toReceived(entry, partition), track);
  }

  group(name: string, from: 'beginning' | 'latest'): MemoryGroup {
    const known = this.groups.get(name);
    if (known) return known;
    if (this.groups.size === maxGroups) throw new Error(`${this.name} has ${maxGroups} groups, no more fit`);
    const bit = 1 << this.groups.size;
    const group = new MemoryGroup(this.name, bit, this.partitions, from);
    this.groups.set(name, group);
    this.groupBits |= bit;
    if (from === 'beginning') this.eachRetained((entry) => (entry.waiting |= bit));
    return group;
  }

  private eachRetained(visit: (entry: Entry, partition: MemoryPartition) => void): void {
    for (const partition of this.partitions) {
      for (let offset = partition.start; offset < partition.end; offset++) {
        const entry = partition.at(offset);
        if (entry && entry.waiting !== 0) visit(entry, partition);
      }
    }
  }

  /** Compacted topics replay the latest record of each key, others what is not finished by all groups. */
  joinSolo(subscription: Subscription): () => void {
    const tracks = this.partitions.map(({ number }) => new PartitionTrack(this.name, number, 0));
    const solo: Solo = { subscription, tracks };
    if (subscription.from === 'beginning') {
      if (this.definition.cleanup === 'compact')
        for (const entry of this.latest.values()) this.toSolo(solo, entry, this.partitionOf(entry));
      else this.eachRetained((entry, { number }) => this.toSolo(solo, entry, number));
    }
    this.solos.add(solo);
    return () => {
      for (const track of tracks) track.live = false;
      this.solos.delete(solo);
    };
  }

  private partitionOf(entry: Entry): number {
    return hashToPartition(entry.record.key ?? '', this.partitions.length);
  }

  /** The owner's rows, but for keys that were published or removed meanwhile: what was published is newer. */
  async seed(rows: AsyncIterable<BusRecord>, now: () => number): Promise<void> {
    this.removed = new Set();
    for await (const record of rows) {
      if (record.key === null || this.latest.has(record.key) || this.removed.has(record.key)) continue;
      this.append(record, now(), undefined);
    }
    this.removed = undefined;
  }

  /** All services are there: from now on only the groups hold a record back. */
  open(): void {
    this.held = false;
    this.eachRetained((entry, partition) => partition.clear(entry.offset, gateBit));
  }
}
