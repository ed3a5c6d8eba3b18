import { crc32 } from 'node:zlib';
import type { BusRecord, Received } from '@mortise/bus';
import type { TopicName } from '@mortise/contracts';

/** Shards of an outbox; each is relayed by one process at a time. */
export const shardCount = 8;

/** The same key is always in the same shard; records without key spread. */
export const shardOf = (key: string | null): number =>
  key === null ? Math.floor(Math.random() * shardCount) : crc32(key) % shardCount;

/** A row as the relay reads it. */
export interface OutboxRow {
  id: string;
  shard: number;
  topic: TopicName;
  key: string | null;
  value: Buffer | null;
  headers: Record<string, string>;
  partition: number | null;
  dueAt: Date | null;
  consumerGroup: string | null;
  attempt: number;
  origin: { partition: number; offset: string; timestamp: number } | null;
}

/** What one insert writes, besides the record. */
export interface RowExtras {
  dueAt?: number | undefined;
  group?: string;
  attempt?: number;
  reason?: string;
  origin?: OutboxRow['origin'];
}

export const insertRows = `
  insert into outbox (shard, topic, key, value, headers, partition, due_at, consumer_group, attempt, reason, origin)
  select * from unnest($1::smallint[], $2::text[], $3::text[], $4::bytea[], $5::jsonb[], $6::integer[],
    $7::timestamptz[], $8::text[], $9::integer[], $10::text[], $11::jsonb[])`;

// Senders choose what is in headers, and jsonb refuses NUL and half a surrogate pair: a row that can never be written
// would be tried for ever, and its key would wait. The value keeps its bytes.
const refused = /(?<=(?<!\\)(?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;
const replacement = '\ufffd';

/** Parameters of `insertRows`. */
export function insertValues(records: BusRecord[], shards: number[], extras: RowExtras): unknown[] {
  const all = (value: unknown) => records.map(() => value);
  return [
    shards,
    records.map(({ topic }) => topic),
    records.map(({ key }) => key),
    records.map(({ value }) => value),
    records.map(({ headers }) => JSON.stringify(headers).replaceAll(refused, replacement)),
    records.map(({ partition }) => partition ?? null),
    all(extras.dueAt === undefined ? null : new Date(extras.dueAt)),
    all(extras.group ?? null),
    all(extras.attempt ?? 0),
    all(extras.reason?.slice(0, 2_000) ?? null),
    all(extras.origin ? JSON.stringify(extras.origin) : null),
  ];
}

const columns = `id, shard, topic, key, value, headers, partition, due_at as "dueAt", consumer_group as "consumerGroup", attempt, origin`;

/**
 * Rows to send now, the oldest of each shard: one walk along the index for each, whatever the backlog. Not those held
 * already; not those of a (topic, key) or a topic that has enough waiting in memory; at most 16 MB of values, so that
 * large rows come in smaller batches.
 */
export const selectNow = `
  select ${columns} from (
    select *, sum(coalesce(octet_length(value), 0)) over (order by id) - coalesce(octet_length(value), 0) as before
    from unnest($1::smallint[]) as owned(of_shard) cross join lateral (
      select * from outbox
      where due_at is null and shard = of_shard and id not in (select unnest($2::bigint[])) and topic <> all ($5::text[])
        and not exists (select from unnest($3::text[], $4::text[]) as full_lane(topic, key)
                        where full_lane.topic = outbox.topic and full_lane.key = outbox.key)
      order by id limit $6
    ) oldest
  ) measured
  where before < 16777216 order by id`;

/** Delayed and parked rows whose time has come. */
export const selectDue = `
  select ${columns} from outbox
  where due_at <= $3 and shard = any ($1::smallint[]) and id not in (select unnest($2::bigint[]))
  order by due_at limit $4`;

export const recordOf = (row: OutboxRow): BusRecord => ({
  topic: row.topic,
  key: row.key,
  value: row.value,
  headers: row.headers,
  ...(row.partition === null ? {} : { partition: row.partition }),
});

/** A parked row as it was when it was parked; the bus counts the new delivery. */
export const receivedOf = (row: OutboxRow): Received => ({
  ...recordOf(row),
  partition: row.origin?.partition ?? row.partition ?? 0,
  offset: row.origin?.offset ?? '0',
  timestamp: row.origin?.timestamp ?? 0,
  attempt: row.attempt,
});
