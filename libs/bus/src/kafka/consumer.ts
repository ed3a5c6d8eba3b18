import { topic as definitionOf } from '@mortise/contracts';
import { metrics, type Logger } from '@mortise/service-kit';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { PartitionTrack } from '../engine/track.js';
import { groupLabel, type Reading } from '../readings.js';
import type { Subscription } from '../transport.js';
import { pinnedAssigner, stickyAssigner, type Claim } from './assigner.js';
import { patientRetry } from './client.js';
import { toReceived } from './message.js';

const commitEveryMs = 250;
// So much may be finished above an unfinished record before its partition pauses: a crash repeats it all.
const maxSpan = 10_000;
const maxBytesPerPartition = 262_144;
const gatheredBytes = 65_536;

const rebalances = metrics.histogram('mortise_bus_rebalance_duration_seconds');

export interface ConsumerOptions {
  client: Kafka;
  subscription: Subscription;
  /** Full names, with the prefix. */
  groupId: string;
  topic: string;
  /** Solo groups: the partitions this instance reads; undefined: the group shares them. */
  pinned: readonly number[] | undefined;
  /** Where each partition ends at start, for solo groups that want to know when they have it all. */
  ends: ReadonlyMap<number, number> | undefined;
  logger: Logger;
}

/**
 * Reads one topic for one group. A fetched batch is handed to the sink and the fetch loop goes on at once: kafkajs
 * would otherwise stop fetching every partition of a broker for the slowest handler. What may be committed is the
 * tracks' business.
 */
export class TopicConsumer {
  private readonly consumer: Consumer;
  private tracks = new Map<number, PartitionTrack>();
  private readonly committed = new Map<number, number>();
  private readonly paused = new Set<number>();
  private memberId = '';
  private claim: Claim = { partitions: [], since: 0 };
  /** When the partitions were taken away, until there are new ones. */
  private lostAt: number | undefined;
  /** Where the partitions end, as the brokers said last. */
  private readonly known = new Map<number, number>();
  private joined = false;
  private taking = true;
  private timer: NodeJS.Timeout | undefined;
  private committing: Promise<void> = Promise.resolve();
  private missing: Map<number, number>;

  constructor(private readonly options: ConsumerOptions) {
    const { client, groupId, pinned, subscription } = options;
    this.missing = new Map([...(options.ends ?? [])].filter(([, end]) => end > 0));
    this.consumer = client.consumer({
      groupId,
      allowAutoTopicCreation: false,
      maxBytesPerPartition,
      // What the brokers gather need not be fetched, decoded and answered for record by record.
      minBytes: definitionOf(subscription.topic).gathered ? gatheredBytes : 1,
      maxWaitTimeInMs: 100,
      sessionTimeout: 6_000,
      rebalanceTimeout: 6_000,
      heartbeatInterval: 1_000,
      retry: { ...patientRetry, restartOnFailure: async () => true },
      partitionAssigners: [pinned ? pinnedAssigner(pinned) : stickyAssigner(() => this.claim)],
    });
    subscription.sink.onRoom = () => this.resume();
  }

  /** Resolves when the group has given this instance its partitions. */
  async start(): Promise<void> {
    const { consumer, options } = this;
    const { GROUP_JOIN, REBALANCING, CRASH } = consumer.events;
    const joined = new Promise<void>((resolve) => {
      consumer.on(GROUP_JOIN, ({ payload }) => {
        this.onJoin(payload.memberId, payload.memberAssignment[options.topic] ?? []);
        resolve();
      });
    });
    consumer.on(REBALANCING, () => {
      this.lostAt ??= performance.now();
      void this.commit();
    });
    consumer.on(CRASH, ({ payload }) => {
      this.lostAt ??= performance.now();
      this.joined = false;
      options.logger.warn({ topic: options.topic, err: payload.error }, 'consumer restarts');
    });
    await consumer.connect();
    await consumer.subscribe({
      topics: [options.topic],
      fromBeginning: options.subscription.from === 'beginning',
    });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 8,
      eachBatch: async (payload) => this.take(payload),
    });
    await joined;
    if (!options.subscription.solo) this.timer = setInterval(() => void this.commit(), commitEveryMs);
    this.considerCaughtUp();
  }

  get trouble(): string | undefined {
    return this.joined ? undefined : `${this.options.topic} has no place in its group`;
  }

  /**
   * A member that kept its id was in every generation between, so what it holds of a partition it keeps is still its
   * own: only partitions that went elsewhere, or all of a member that was thrown out, are fenced.
   */
  private onJoin(memberId: string, partitions: readonly number[]): void {
    const { solo, group, topic } = this.options.subscription;
    if (this.lostAt !== undefined)
      rebalances.record((performance.now() - this.lostAt) / 1_000, { group: groupLabel(group), topic });
    this.lostAt = undefined;
    const stayed = solo || memberId === this.memberId;
    const kept = new Map<number, PartitionTrack>();
    for (const [partition, track] of this.tracks) {
      if (stayed && partitions.includes(partition)) kept.set(partition, track);
      else {
        track.live = false;
        this.committed.delete(partition);
        this.paused.delete(partition);
      }
    }
    this.tracks = kept;
    this.memberId = memberId;
    this.claim = { partitions, since: Date.now() };
    this.joined = true;
    if (!solo) return;
    // A solo group commits nothing: without this a new join would start over, or skip what came meanwhile.
    for (const [partition, track] of kept)
      this.consumer.seek({ topic: this.options.topic, partition, offset: String(track.next) });
  }

  private take({ batch, ...payload }: EachBatchPayload): void {
    if (!this.taking || payload.isStale() || !payload.isRunning()) return;
    const { subscription } = this.options;
    const { partition } = batch;
    let track = this.tracks.get(partition);
    if (!track) {
      const first = Number(batch.messages[0]?.offset ?? batch.firstOffset() ?? 0);
      track = new PartitionTrack(this.options.topic, partition, first);
      this.tracks.set(partition, track);
      this.committed.set(partition, first);
    }
    for (const message of batch.messages) {
      if (track.take(Number(message.offset)))
        subscription.sink.accept(toReceived(subscription.topic, partition, message), track);
    }
    const last = batch.lastOffset();
    this.known.set(partition, Number(batch.highWatermark));
    track.skipTo(Number(last) + 1);
    payload.resolveOffset(last);
    this.considerCaughtUp();
    if (subscription.sink.isFull) this.pausePartitions([...this.tracks.keys()]);
    else if (track.span > maxSpan) this.pausePartitions([partition]);
  }

  /** State tables and replies hold nothing back: there is nothing to read of them. */
  reading(ends?: ReadonlyMap<number, number>): Reading | undefined {
    const { group, topic, solo, sink } = this.options.subscription;
    if (solo) return undefined;
    let lag = 0;
    for (const { partition, next, watermark } of this.tracks.values())
      lag += Math.max(next, ends?.get(partition) ?? 0, this.known.get(partition) ?? 0) - watermark;
    return { group: groupLabel(group), topic, lag, inFlight: sink.held, pausedPartitions: this.paused.size };
  }

  /** Full name, with the prefix. */
  get topic(): string {
    return this.options.topic;
  }

  get isPaused(): boolean {
    return this.paused.size > 0;
  }

  private considerCaughtUp(): void {
    const { onCaughtUp } = this.options.subscription;
    if (!onCaughtUp || !this.options.ends) return;
    for (const [partition, end] of this.missing)
      if ((this.tracks.get(partition)?.next ?? 0) >= end) this.missing.delete(partition);
    if (this.missing.size === 0) onCaughtUp();
  }

  private pausePartitions(partitions: number[]): void {
    const fresh = partitions.filter((partition) => !this.paused.has(partition));
    if (fresh.length === 0) return;
    for (const partition of fresh) this.paused.add(partition);
    this.consumer.pause([{ topic: this.options.topic, partitions: fresh }]);
  }

  private resume(): void {
    if (!this.taking || this.paused.size === 0) return;
    if (this.options.subscription.sink.isFull) return;
    const free = [...this.paused].filter(
      (partition) => (this.tracks.get(partition)?.span ?? 0) <= maxSpan / 2,
    );
    if (free.length === 0) return;
    for (const partition of free) this.paused.delete(partition);
    this.consumer.resume([{ topic: this.options.topic, partitions: free }]);
  }

  /** Hands over nothing new; heartbeats go on. */
  pause(): void {
    this.taking = false;
    this.pausePartitions([...this.tracks.keys()]);
  }

  private commit(): Promise<void> {
    this.committing = this.committing.then(() => this.commitNow());
    return this.committing;
  }

  private async commitNow(): Promise<void> {
    if (this.options.subscription.solo) return;
    const due = [...this.tracks.values()]
      .map(({ partition, watermark }) => ({ partition, watermark }))
      .filter(({ partition, watermark }) => watermark > (this.committed.get(partition) ?? 0));
    if (due.length > 0) {
      try {
        await this.consumer.commitOffsets(
          due.map(({ partition, watermark }) => ({
            topic: this.options.topic,
            partition,
            offset: String(watermark),
          })),
        );
        for (const { partition, watermark } of due)
          if (this.tracks.has(partition)) this.committed.set(partition, watermark);
      } catch (error) {
        // The next round commits the same or more; at worst the work since the last commit is repeated.
        this.options.logger.debug({ topic: this.options.topic, err: error }, 'offsets not committed yet');
      }
    }
    this.resume();
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.taking = false;
    await this.commit();
    for (const track of this.tracks.values()) track.live = false;
    await this.consumer.disconnect();
  }
}
