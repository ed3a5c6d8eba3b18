import { topic as definitionOf, topicNames, type TopicName } from '@mortise/contracts';
import type { Admin, ITopicConfig } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import type { BusEnv } from '../env.js';
import { partitionCount } from '../partitions.js';
import { checkBrokers } from './broker-check.js';
import { connectAdmin, socketFactory } from './client.js';
import { kafkajs } from './kafkajs.js';

/** Room for a body of the largest size an execution may carry, with its headers. */
export const maxMessageBytes = 4_194_304;
const metadataTimeoutMs = 30_000;

export interface CreatedTopics {
  /** Full names, with the prefix. */
  created: string[];
  existing: string[];
  /** Of the existing ones those whose settings were brought to the table's. */
  altered: string[];
}

export const topicName = (name: TopicName, env: Pick<BusEnv, 'MORTISE_TOPIC_PREFIX'>): string =>
  env.MORTISE_TOPIC_PREFIX + name;

function configOf(name: TopicName, env: BusEnv, replicationFactor: number): ITopicConfig {
  const { cleanup, retentionHours } = definitionOf(name);
  const retention =
    cleanup === 'compact'
      ? // Tombstones stay for a day: whoever was away shorter still learns what is gone.
        { 'min.compaction.lag.ms': '0', 'delete.retention.ms': '86400000' }
      : { 'retention.ms': String(retentionHours * 3_600_000) };
  const entries = {
    'cleanup.policy': cleanup,
    'max.message.bytes': String(maxMessageBytes),
    'min.insync.replicas': String(Math.max(1, replicationFactor - 1)),
    ...retention,
  };
  return {
    topic: topicName(name, env),
    numPartitions: partitionCount(name, env),
    replicationFactor,
    configEntries: Object.entries(entries).map(([key, value]) => ({ name: key, value })),
  };
}

/** Partitions of the topics that exist, by full name. */
export async function existingTopics(admin: Admin): Promise<Map<string, number>> {
  const { topics } = await admin.fetchTopicMetadata();
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
}

/**
 * What is wrong with the topics on the cluster, as one sentence, or undefined.
 * Another number of partitions would put a key's records elsewhere than its history.
 */
export function topicProblem(existing: ReadonlyMap<string, number>, env: BusEnv): string | undefined {
  const missing = topicNames.filter((name) => !existing.has(topicName(name, env)));
  if (missing.length > 0)
    return `Kafka at ${env.KAFKA_BROKERS.join(',')} lacks the topic ${missing.map((name) => topicName(name, env)).join(', ')}: run the command "topics create" of apps/standalone/src/admin.ts first`;
  const wrong = topicNames.find((name) => existing.get(topicName(name, env)) !== partitionCount(name, env));
  if (wrong === undefined) return undefined;
  return `The topic ${topicName(wrong, env)} has ${existing.get(topicName(wrong, env))} partitions and KAFKA_PARTITION_SCALE=${env.KAFKA_PARTITION_SCALE} asks for ${partitionCount(wrong, env)}: set the scale the topics were created with`;
}

/** Idempotent: makes what is missing and waits until every topic has leaders. */
export async function createKafkaTopics(env: BusEnv): Promise<CreatedTopics> {
  await checkBrokers(env, socketFactory);
  const admin = await connectAdmin({ env, service: 'admin' });
  try {
    const { brokers } = await admin.describeCluster();
    const copies = Math.min(
      env.KAFKA_REPLICATION_FACTOR ?? 3,
      env.KAFKA_REPLICATION_FACTOR ?? brokers.length,
    );
    const before = await existingTopics(admin);
    const missing = topicNames.filter((name) => !before.has(topicName(name, env)));
    if (missing.length > 0) {
      // Waiting for leaders inside the request failed ten times of ten on Kafka 4.3.1: metadata is polled instead.
      await admin
        .createTopics({ waitForLeaders: false, topics: missing.map((name) => configOf(name, env, copies)) })
        .catch((error: unknown) => {
          if (!isAlreadyThere(error)) throw error;
        });
    }
    await waitForLeaders(admin, env);
    for (const name of missing) await topicOffsets(admin, topicName(name, env));
    const there = topicNames.filter((name) => before.has(topicName(name, env)));
    return {
      altered: await alter(
        admin,
        there.map((name) => configOf(name, env, copies)),
      ),
      created: missing.map((name) => topicName(name, env)),
      existing: topicNames.map((name) => topicName(name, env)).filter((name) => before.has(name)),
    };
  } finally {
    await admin.disconnect();
  }
}

/** Retention and the like may change from release to release; other settings of the operator stay. */
async function alter(admin: Admin, wanted: ITopicConfig[]): Promise<string[]> {
  if (wanted.length === 0) return [];
  const type = kafkajs.ConfigResourceTypes.TOPIC;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: wanted.map(({ topic: name }) => ({ type, name })),
  });
  const changes = wanted.flatMap(({ topic: name, configEntries = [] }) => {
    const now = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? [];
    const valueOf = (key: string) => now.find(({ configName }) => configName === key)?.configValue;
    if (configEntries.every((entry) => valueOf(entry.name) === entry.value)) return [];
    // The request replaces all of a topic's own settings, so those that are not ours go along.
    const ours = new Set(configEntries.map((entry) => entry.name));
    const others = now
      .filter(
        ({ configName, isDefault, isSensitive, readOnly }) =>
          !isDefault && !isSensitive && !readOnly && !ours.has(configName),
      )
      .map(({ configName, configValue }) => ({ name: configName, value: configValue }));
    return [{ type, name, configEntries: [...configEntries, ...others] }];
  });
  if (changes.length > 0) await admin.alterConfigs({ validateOnly: false, resources: changes });
  return changes.map(({ name }) => name);
}

const isAlreadyThere = (error: unknown): boolean =>
  error instanceof kafkajs.KafkaJSAggregateError &&
  error.errors.every(
    (one) => one instanceof kafkajs.KafkaJSProtocolError && one.type === 'TOPIC_ALREADY_EXISTS',
  );

async function waitForLeaders(admin: Admin, env: BusEnv): Promise<void> {
  const until = Date.now() + metadataTimeoutMs;
  for (;;) {
    const { topics } = await admin.fetchTopicMetadata();
    const led = new Map(
      topics
        .filter(({ partitions }) => partitions.every(({ leader }) => leader >= 0))
        .map(({ name, partitions }) => [name, partitions.length]),
    );
    const problem = topicProblem(led, env);
    if (problem === undefined) return;
    if (Date.now() > until || topicNames.every((name) => led.has(topicName(name, env))))
      throw new Error(problem);
    await delay(100);
  }
}

/**
 * First and next offset of each partition. A new partition's broker may not know yet that it leads it, though the
 * metadata says so.
 */
export async function topicOffsets(
  admin: Admin,
  topic: string,
): Promise<{ partition: number; low: number; high: number }[]> {
  const until = Date.now() + metadataTimeoutMs;
  for (;;) {
    try {
      const offsets = await admin.fetchTopicOffsets(topic);
      return offsets.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));
    } catch (error) {
      const passing = error instanceof kafkajs.KafkaJSError && error.retriable;
      if (!passing || Date.now() > until) throw error;
      await delay(50);
    }
  }
}

/** Where each partition that holds anything ends. */
export const endsOf = (offsets: Awaited<ReturnType<typeof topicOffsets>>): Map<number, number> =>
  new Map(offsets.filter(({ high, low }) => high > low).map(({ partition, high }) => [partition, high]));
