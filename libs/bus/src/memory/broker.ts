import { serviceNames, type ServiceName, type TopicName } from '@mortise/contracts';
import { systemClock, type Clock } from '@mortise/service-kit';
import type { BusRecord, Received } from '../record.js';
import { MemoryTopic } from './topic.js';

export interface MemoryBrokerOptions {
  /**
   * Services that will start in this process. Until each has, durable records wait for the groups that are still to
   * come and no state table counts as caught up: a record relayed early is not lost on a service that starts late.
   */
  services?: readonly ServiceName[];
  clock?: Clock;
}

/** The broker of one process, shared by its services: Kafka's semantics without Kafka. */
export class MemoryBroker {
  private readonly topics = new Map<TopicName, MemoryTopic>();
  private readonly awaited: Set<ServiceName>;
  private readonly seeds = new Map<TopicName, Promise<void>>();
  private readonly replies = new Map<number, Set<(record: Received) => void>>();
  private deliveries: (() => void)[] = [];
  private openGate: () => void = () => {};
  private readonly clock: Clock;
  private readonly announced: number;
  /** All services that were announced have started. */
  readonly opened: Promise<void>;
  /** What subscribes to each topic, for the check that every event has a consumer. */
  readonly consumers: { topic: TopicName; types?: ReadonlySet<string> | undefined }[] = [];

  constructor(options: MemoryBrokerOptions = {}) {
    this.awaited = new Set(options.services ?? []);
    this.announced = this.awaited.size;
    this.clock = options.clock ?? systemClock;
    this.opened =
      this.awaited.size === 0 ? Promise.resolve() : new Promise((resolve) => (this.openGate = resolve));
  }

  topic(name: TopicName): MemoryTopic {
    const known = this.topics.get(name);
    if (known) return known;
    const made = new MemoryTopic(name, this.schedule, this.awaited.size > 0);
    this.topics.set(name, made);
    return made;
  }

  /** True for the service that completes the whole house, the moment to see what nobody consumes. */
  completesTheHouse(service: ServiceName): boolean {
    return this.announced === serviceNames.length && this.awaited.size === 1 && this.awaited.has(service);
  }

  /** A service has subscribed to all it wants. */
  started(service: ServiceName): void {
    if (!this.awaited.delete(service) || this.awaited.size > 0) return;
    for (const topic of this.topics.values()) topic.open();
    this.openGate();
  }

  // One microtask delivers what the turn has gathered: senders never run handlers on their own stack.
  private readonly schedule = (deliver: () => void): void => {
    if (this.deliveries.push(deliver) === 1) queueMicrotask(this.deliver);
  };

  private readonly deliver = (): void => {
    const deliveries = this.deliveries;
    this.deliveries = [];
    for (const run of deliveries) run();
  };

  async send(records: BusRecord[]): Promise<void> {
    const first = records[0];
    if (!first) return;
    // The hot path: one reply or one command that nobody waits for.
    if (records.length === 1 && !this.topic(first.topic).definition.durable) {
      const topic = this.topic(first.topic);
      if (first.topic === 'execution-replies') return this.deliverReply(first);
      const room = topic.room();
      if (room) await room;
      topic.append(first, this.clock.now(), undefined);
      return;
    }
    await Promise.all(records.map((record) => this.sendOne(record)));
  }

  private async sendOne(record: BusRecord): Promise<void> {
    const topic = this.topic(record.topic);
    if (record.topic === 'execution-replies') return this.deliverReply(record);
    const room = topic.room();
    if (room) await room;
    if (!topic.definition.durable) return topic.append(record, this.clock.now(), undefined);
    await new Promise<void>((resolve) => topic.append(record, this.clock.now(), resolve));
  }

  private deliverReply(record: BusRecord): void {
    const listeners = this.replies.get(record.partition ?? 0);
    if (!listeners) return;
    const received: Received = {
      ...record,
      partition: record.partition ?? 0,
      offset: '0',
      timestamp: this.clock.now(),
      attempt: 1,
    };
    this.schedule(() => {
      for (const listener of listeners) listener(received);
    });
  }

  listenToReplies(partition: number, listener: (record: Received) => void): () => void {
    const listeners = this.replies.get(partition) ?? new Set();
    this.replies.set(partition, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  provideSnapshot(name: TopicName, read: () => AsyncIterable<BusRecord>): void {
    this.seeds.set(
      name,
      this.opened.then(() => this.topic(name).seed(read(), () => this.clock.now())),
    );
    // Whoever waits for the table hears of the failure; without a waiter it must not end the process.
    this.seeds.get(name)?.catch(() => {});
  }

  /** Resolves when the topic holds everything its owner knew at start. */
  async seeded(name: TopicName): Promise<void> {
    await this.opened;
    await this.seeds.get(name);
  }
}
