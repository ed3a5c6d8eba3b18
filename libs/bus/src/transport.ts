import type { TopicName } from '@mortise/contracts';
import type { Sink } from './engine/sink.js';
import type { Reading } from './readings.js';
import type { BusRecord, Received } from './record.js';

/** Records of one topic, handed to one sink. */
export interface Subscription {
  topic: TopicName;
  /** Instances with the same group share the partitions; a solo group's instance gets them all. */
  group: string;
  solo: boolean;
  from: 'beginning' | 'latest';
  sink: Sink;
  /** Event types it handles; undefined: all. */
  types?: ReadonlySet<string> | undefined;
  /** Everything that was there at the start has been handed over. */
  onCaughtUp?: (() => void) | undefined;
}

export interface ReplyAddress {
  topic: TopicName;
  partition: number;
}

/** What moves records: Kafka, or the broker of this process. */
export interface Transport {
  /** Where replies to this instance go. */
  readonly replyAddress: ReplyAddress;
  /** Resolves when every subscription has its partitions and replies can arrive. */
  start(subscriptions: Subscription[], onReply: ((record: Received) => void) | undefined): Promise<void>;
  /** Resolves when the records are safe, as the topic table says. */
  send(records: BusRecord[]): Promise<void>;
  /** The owner's whole state of a compacted topic, for transports that keep nothing themselves. */
  provideSnapshot(topic: TopicName, read: () => AsyncIterable<BusRecord>): void;
  /** Why it does not work right now, or undefined. */
  trouble(): string | undefined;
  /** How the groups of this process stand. */
  readings(): Promise<Reading[]>;
  /** Hands over nothing new. */
  pause(): void;
  /** Commits what is finished, sends what is buffered, lets go. */
  close(): Promise<void>;
}
