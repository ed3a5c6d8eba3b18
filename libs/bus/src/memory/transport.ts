import { topic as definitionOf, type ServiceName, type TopicName } from '@mortise/contracts';
import type { Logger } from '@mortise/service-kit';
import { findUnconsumed } from '../boot-check.js';
import { hashToPartition } from '../partitions.js';
import { groupLabel, type Reading } from '../readings.js';
import type { BusRecord, Received } from '../record.js';
import type { ReplyAddress, Subscription, Transport } from '../transport.js';
import type { MemoryBroker } from './broker.js';
import type { Member } from './group.js';

/** One service's connection to the broker of the process. */
export class MemoryTransport implements Transport {
  readonly replyAddress: ReplyAddress;
  private readonly members: Member[] = [];
  private readonly leave: (() => void)[] = [];
  private problem: string | undefined;

  constructor(
    private readonly options: {
      broker: MemoryBroker;
      service: ServiceName;
      instanceId: string;
      logger: Logger;
    },
  ) {
    const topic = 'execution-replies';
    this.replyAddress = {
      topic,
      partition: hashToPartition(options.instanceId, definitionOf(topic).partitions),
    };
  }

  async start(subscriptions: Subscription[], onReply?: (record: Received) => void): Promise<void> {
    const { broker, service } = this.options;
    broker.consumers.push(...subscriptions);
    if (broker.completesTheHouse(service)) {
      const problem = findUnconsumed(broker.consumers);
      if (problem) throw new Error(problem);
    }
    if (onReply) this.leave.push(broker.listenToReplies(this.replyAddress.partition, onReply));
    for (const subscription of subscriptions) {
      if (subscription.solo) this.joinSolo(subscription);
      else this.joinGroup(subscription);
    }
    broker.started(service);
  }

  private joinGroup(subscription: Subscription): void {
    const group = this.options.broker.topic(subscription.topic).group(subscription.group, subscription.from);
    const member: Member = { subscription, paused: false };
    this.members.push(member);
    subscription.sink.onRoom = () => group.pumpAll();
    group.join(member);
    this.leave.push(() => group.leave(member));
  }

  private joinSolo(subscription: Subscription): void {
    const { broker, logger } = this.options;
    this.leave.push(broker.topic(subscription.topic).joinSolo(subscription));
    const { onCaughtUp, topic } = subscription;
    if (!onCaughtUp) return;
    broker.seeded(topic).then(
      // What the seed appended is delivered by a microtask that was queued before this one.
      () => queueMicrotask(onCaughtUp),
      (error: unknown) => {
        this.problem = `the snapshot of ${topic} cannot be read`;
        logger.error({ topic, err: error }, this.problem);
      },
    );
  }

  send(records: BusRecord[]): Promise<void> {
    return this.options.broker.send(records);
  }

  provideSnapshot(topic: TopicName, read: () => AsyncIterable<BusRecord>): void {
    this.options.broker.provideSnapshot(topic, read);
  }

  trouble(): string | undefined {
    return this.problem;
  }

  async readings(): Promise<Reading[]> {
    return this.members.map((member) => {
      const { group, topic, sink } = member.subscription;
      const { lag, pausedPartitions } = this.options.broker
        .topic(topic)
        .group(group, 'latest')
        .readingOf(member);
      return { group: groupLabel(group), topic, lag, inFlight: sink.held, pausedPartitions };
    });
  }

  pause(): void {
    for (const member of this.members) member.paused = true;
  }

  async close(): Promise<void> {
    for (const leave of this.leave) leave();
    this.leave.length = 0;
  }
}
