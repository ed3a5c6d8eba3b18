/** How a topic keeps its records. */
export type Cleanup = 'delete' | 'compact';

export interface TopicDefinition {
  /** Partitions on a full cluster; a small one (compose, `make cluster-up`) makes a quarter of them. */
  partitions: number;
  cleanup: Cleanup;
  /** Hours a record is kept; ignored for compacted topics. */
  retentionHours: number;
  /**
   * Durable: `publish` waits until the record is safe (acks=all on Kafka; every named group has finished it in memory).
   * Exempt topics resolve at once and may lose records when a process dies.
   */
  durable: boolean;
  /** Records of one key keep their order through producer retries. Given up for telemetry and replies. */
  ordered: boolean;
  /** Nobody waits for it: some milliseconds until it is sent and some more until it is read make larger batches. */
  gathered?: boolean;
  /** gzip the batches of bulky telemetry. */
  compression?: 'gzip';
}

const days = (count: number) => count * 24;
const durable = { durable: true, ordered: true, cleanup: 'delete' } as const;
const exempt = { durable: false, ordered: false, cleanup: 'delete' } as const;
const state = {
  partitions: 12,
  cleanup: 'compact',
  retentionHours: 0,
  durable: true,
  ordered: true,
} as const;

/** The one topic table. Real names carry the prefix MORTISE_TOPIC_PREFIX (default `mortise.`). */
export const topics = {
  'plugin-lifecycle': { ...durable, partitions: 12, retentionHours: days(30) },
  'installation-lifecycle': { ...durable, partitions: 12, retentionHours: days(30) },
  'plugin-state': state,
  'installation-state': state,
  'tenant-state': state,
  'executions.interactive': { ...exempt, partitions: 48, retentionHours: 1 },
  'executions.background': { ...durable, partitions: 48, retentionHours: days(3) },
  'execution-replies': { ...exempt, partitions: 64, retentionHours: 1 },
  'execution-events': { ...durable, partitions: 24, retentionHours: days(7), gathered: true },
  'execution-logs': {
    ...{ ...exempt, partitions: 24, retentionHours: days(2), compression: 'gzip' },
    gathered: true,
  },
  'platform-events': { ...durable, partitions: 24, retentionHours: days(7) },
  'plugin-events': { ...durable, partitions: 24, retentionHours: days(7) },
  'webhook-deliveries': { ...durable, partitions: 12, retentionHours: days(3) },
  'security-events': { ...durable, partitions: 6, retentionHours: days(365) },
  'health-events': { ...exempt, partitions: 6, retentionHours: days(7) },
  audit: { ...durable, partitions: 12, retentionHours: days(90) },
  usage: { ...exempt, partitions: 12, retentionHours: days(30) },
  control: { ...exempt, partitions: 1, retentionHours: 1 },
  'dead-letters.gateway': { ...durable, partitions: 3, retentionHours: days(30) },
  'dead-letters.registry': { ...durable, partitions: 3, retentionHours: days(30) },
  'dead-letters.executor': { ...durable, partitions: 3, retentionHours: days(30) },
  'dead-letters.scheduler': { ...durable, partitions: 3, retentionHours: days(30) },
} as const satisfies Record<string, TopicDefinition>;

export type TopicName = keyof typeof topics;
export const topicNames = Object.keys(topics) as TopicName[];
/** The definition of a topic, typed as the interface rather than as its literals. */
export const topic = (name: TopicName): TopicDefinition => topics[name];

/** The services of the house; each has a schema, an outbox, an inbox and a dead-letter topic of its own. */
export const serviceNames = ['gateway', 'registry', 'executor', 'scheduler'] as const;
export type ServiceName = (typeof serviceNames)[number];
