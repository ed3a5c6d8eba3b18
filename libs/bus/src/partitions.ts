import { topic, type TopicName } from '@mortise/contracts';
import type { BusEnv } from './env.js';

/** Partitions of a topic on a cluster of this scale; at least one. */
export const partitionCount = (name: TopicName, env: Pick<BusEnv, 'KAFKA_PARTITION_SCALE'>): number =>
  Math.max(1, Math.round((topic(name).partitions * env.KAFKA_PARTITION_SCALE) / 100));

/** FNV-1a: spreads keys in memory and pins an instance to its reply partition. */
export function hashToPartition(text: string, partitions: number): number {
  if (partitions === 1) return 0;
  let hash = 2_166_136_261;
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 16_777_619);
  }
  return (hash >>> 0) % partitions;
}
