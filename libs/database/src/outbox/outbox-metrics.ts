import { metrics, type Logger } from '@mortise/service-kit';
import type { Database } from '../database.js';

const oldestAge = metrics.gauge('mortise_outbox_oldest_age_seconds');
const heldRows = metrics.gauge('mortise_outbox_held_rows');
const mostCounted = 10_000;

// Held rows gave up their place in the order of their key; the others wait for nothing but the bus. The oldest of each
// shard is one step along its index, whatever the backlog.
const look = `
  select coalesce((select extract(epoch from now() - min(first.created_at)) from generate_series(0, 7) owned(of_shard)
      cross join lateral (select created_at from outbox where due_at is null and shard = of_shard order by id limit 1) first
    ), 0)::float8 as age,
    (select count(*) from (select from outbox where due_at is not null limit ${mostCounted}) held)::int as held`;

/** Shows what waits in the outbox of a service. @returns what ends it */
export function showOutbox(db: Database, logger: Logger): () => void {
  const { service } = db;
  // Both are read in one scrape: the database is asked once.
  let looking: Promise<{ age: number; held: number } | undefined> | undefined;
  const read = () => {
    looking ??= db
      .system(async (tx) => (await tx.query<{ age: number; held: number }[]>(look))[0])
      .catch((error: unknown) => {
        logger.debug({ err: error }, 'the outbox could not be read');
        return undefined;
      })
      .finally(() => setImmediate(() => (looking = undefined)));
    return looking;
  };
  const ends = [
    oldestAge.watch(async (see) => {
      const now = await read();
      if (now) see(Math.max(0, now.age), { service });
    }),
    heldRows.watch(async (see) => {
      const now = await read();
      if (now) see(now.held, { service });
    }),
  ];
  return () => ends.forEach((end) => end());
}
