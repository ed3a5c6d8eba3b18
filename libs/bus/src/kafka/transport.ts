import type { ServiceName, TopicName } from '@mortise/contracts';
import type { Logger } from '@mortise/service-kit';
import type { Admin, ISocketFactory, Kafka } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import { DirectSink } from '../engine/sink.js';
import type { BusEnv } from '../env.js';
import { hashToPartition, partitionCount } from '../partitions.js';
import type { Reading } from '../readings.js';
import type { BusRecord, Received } from '../record.js';
import type { ReplyAddress, Subscription, Transport } from '../transport.js';
import { checkBrokers } from './broker-check.js';
import { connectAdmin, kafkaClient, socketFactory } from './client.js';
import { TopicConsumer } from './consumer.js';
import { Producers } from './producer.js';
import { endsOf, existingTopics, topicName, topicOffsets, topicProblem } from './topics.js';

export interface KafkaTransportOptions {
  env: BusEnv;
  service: ServiceName;
  instanceId: string;
  logger: Logger;
  /** Opens connections; default: TCP or TLS without Nagle's delay. */
  sockets?: ISocketFactory;
}

const closeWithinMs = 5_000;
const replyTopic: TopicName = 'execution-replies';

/** The bus on a Kafka cluster. */
export class KafkaTransport implements Transport {
  readonly replyAddress: ReplyAddress;
  private readonly producers: Producers;
  private consumers: TopicConsumer[] = [];

  constructor(private readonly options: KafkaTransportOptions) {
    const { env, instanceId } = options;
    this.replyAddress = {
      topic: replyTopic,
      partition: hashToPartition(instanceId, partitionCount(replyTopic, env)),
    };
    this.producers = new Producers(() => this.client(), env);
  }

  private client(): Kafka {
    const { env, service, logger, sockets } = this.options;
    return kafkaClient({ env, service, logger, sockets });
  }

  async start(subscriptions: Subscription[], onReply?: (record: Received) => void): Promise<void> {
    const { env, service, logger, sockets } = this.options;
    await checkBrokers(env, sockets ?? socketFactory);
    const admin = await connectAdmin({ env, service, logger, sockets });
    try {
      const problem = topicProblem(await existingTopics(admin), env);
      if (problem) throw new Error(problem);
      const all = onReply ? [...subscriptions, this.replies(onReply)] : subscriptions;
      this.consumers = await Promise.all(all.map((subscription) => this.consumerOf(subscription, admin)));
    } finally {
      await admin.disconnect();
    }
    await Promise.all([this.producers.connect(), ...this.consumers.map((consumer) => consumer.start())]);
  }

  private replies(onReply: (record: Received) => void): Subscription {
    const { service, instanceId } = this.options;
    return {
      topic: replyTopic,
      group: `solo.${service}.replies.${instanceId}`,
      solo: true,
      from: 'latest',
      sink: new DirectSink(onReply),
    };
  }

  private async consumerOf(subscription: Subscription, admin: Admin): Promise<TopicConsumer> {
    const { env, logger } = this.options;
    const topic = topicName(subscription.topic, env);
    const partitions = Array.from({ length: partitionCount(subscription.topic, env) }, (_, number) => number);
    const pinned = subscription.topic === replyTopic ? [this.replyAddress.partition] : partitions;
    return new TopicConsumer({
      client: this.client(),
      subscription,
      // A group for each topic: kafkajs' assigners give every member of a group all topics of the group.
      groupId: `${env.MORTISE_TOPIC_PREFIX}${subscription.group}.${subscription.topic}`,
      topic,
      pinned: subscription.solo ? pinned : undefined,
      ends: subscription.onCaughtUp ? endsOf(await topicOffsets(admin, topic)) : undefined,
      logger,
    });
  }

  send(records: BusRecord[]): Promise<void> {
    return this.producers.send(records);
  }

  /** Kafka keeps state topics itself; `topics seed` fills them. */
  provideSnapshot(): void {}

  trouble(): string | undefined {
    return this.consumers.map((consumer) => consumer.trouble).find((trouble) => trouble !== undefined);
  }

  async readings(): Promise<Reading[]> {
    const paused = this.consumers.filter((consumer) => consumer.isPaused);
    const ends = paused.length > 0 ? await this.endsNow(paused) : undefined;
    return this.consumers.flatMap((consumer) => consumer.reading(ends?.get(consumer)) ?? []);
  }

  /** A paused partition is not fetched: only the brokers know how it grows. */
  private async endsNow(consumers: TopicConsumer[]): Promise<Map<TopicConsumer, Map<number, number>>> {
    const admin = this.client().admin();
    try {
      await admin.connect();
      const ends = consumers.map(async (consumer) => {
        const offsets = await topicOffsets(admin, consumer.topic);
        return [consumer, endsOf(offsets)] as const;
      });
      return new Map(await Promise.all(ends));
    } finally {
      await admin.disconnect();
    }
  }

  pause(): void {
    for (const consumer of this.consumers) consumer.pause();
  }

  /** Gives up on brokers that do not answer: what was not committed is delivered again. */
  async close(): Promise<void> {
    const orderly = Promise.all(this.consumers.map((consumer) => consumer.close())).then(() =>
      this.producers.close(),
    );
    const ended = await Promise.race([
      orderly.then(
        () => true,
        () => false,
      ),
      delay(closeWithinMs, false, { ref: false }),
    ]);
    if (!ended) this.options.logger.warn('the brokers did not answer the farewell');
  }
}
