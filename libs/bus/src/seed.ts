import type { EventDefinition } from '@mortise/contracts';
import type { BusEnv } from './env.js';
import { createKafkaTopics, type CreatedTopics } from './kafka/topics.js';
import { seedKafka, type Seeded } from './kafka/seed.js';

/** Makes the topics of the table that are not there yet; in one process there is nothing to make. */
export const createTopics = async (env: BusEnv): Promise<CreatedTopics> =>
  env.BUS === 'kafka' ? createKafkaTopics(env) : { created: [], existing: [], altered: [] };

/**
 * Brings a state topic up to the owner's rows: missing and older ones are written, keys that are no rows any more get
 * a tombstone. Repeating it writes nothing. In one process the owner's snapshot does this at start.
 */
export const seedState = async <T extends object>(
  env: BusEnv,
  definition: EventDefinition<T>,
  rows: AsyncIterable<T>,
): Promise<Seeded> =>
  env.BUS === 'kafka' ? seedKafka(env, definition, rows) : { written: 0, removed: 0, unchanged: 0 };
