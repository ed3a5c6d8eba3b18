import { deadLetterHeaders, type BusRecord } from '@mortise/bus';
import {
  uuidTime,
  type DeadLetterDto,
  type DeadLetterFilter,
  type DeadLetterQuery,
  type DeadLetterStatus,
} from '@mortise/contracts';
import type { Place, Tx } from '@mortise/database';
import { instantOf } from '../instant.js';

export interface DeadLetterRow {
  id: string;
  dead_at: Date;
  status: DeadLetterStatus;
  service: string;
  topic: string;
  code: string;
  tenant: string | null;
  letter: { key: string | null; headers: Record<string, string> };
  bytes: number;
  changed_at: Date | null;
  changed_by: string | null;
}
export type FullRow = DeadLetterRow & { value: Buffer | null };

const columns = `id, dead_at, status, service, topic, code, tenant, letter, coalesce(octet_length(value), 0) as bytes,
  changed_at, changed_by`;

export const toDeadLetterDto = ({ letter, ...row }: DeadLetterRow): DeadLetterDto => ({
  id: row.id,
  status: row.status,
  service: row.service,
  group: letter.headers[deadLetterHeaders.group] ?? '',
  topic: row.topic,
  key: letter.key,
  type: letter.headers['ce_type'] ?? null,
  eventId: letter.headers['ce_id'] ?? null,
  tenantId: row.tenant,
  code: row.code,
  reason: letter.headers[deadLetterHeaders.reason] ?? '',
  attempts: Number(letter.headers[deadLetterHeaders.attempts] ?? 0),
  sizeBytes: row.bytes,
  deadAt: row.dead_at.toISOString(),
  changedAt: row.changed_at?.toISOString() ?? null,
  changedBy: row.changed_by,
});

/** The record as the dead-letter topic had it. */
export const recordOf = ({ service, letter, value }: FullRow): BusRecord => ({
  topic: `dead-letters.${service}` as BusRecord['topic'],
  key: letter.key,
  value,
  headers: letter.headers,
});

const fits = `($1::text is null or service = $1) and ($2::text is null or topic = $2) and ($3::text is null or code = $3)
  and ($4::text is null or tenant = $4) and ($5::timestamptz is null or dead_at >= $5)`;
const filterValues = ({ service, topic, code, tenantId, since }: DeadLetterFilter | DeadLetterQuery) => [
  service ?? null,
  topic ?? null,
  code ?? null,
  tenantId?.toLowerCase() ?? null,
  since === undefined ? null : instantOf(since, '/since'),
];

/** One row more than the page holds. */
export function deadLetterPage(tx: Tx, query: DeadLetterQuery, place: Place): Promise<DeadLetterRow[]> {
  const edge = place.id
    ? `(dead_at, id) ${place.order === 'desc' ? '<' : '>'} ($7::timestamptz, $8::uuid)`
    : '$7::timestamptz is null and $8::uuid is null';
  return tx.query<DeadLetterRow[]>(
    `select ${columns} from dead_letters where ${fits} and ($6::text is null or status = $6) and ${edge}
     order by dead_at ${place.order}, id ${place.order} limit $9`,
    [
      ...filterValues(query),
      query.status ?? null,
      place.id ? new Date(uuidTime(place.id.value)) : null,
      place.id?.value ?? null,
      place.limit + 1,
    ],
  );
}

/** The id carries the time: one partition is read. */
export async function deadLetterRow(
  tx: Tx,
  id: string,
  lock: '' | 'for update' = '',
): Promise<FullRow | undefined> {
  const [row] = await tx.query<FullRow[]>(
    `select ${columns}, value from dead_letters where dead_at = $1 and id = $2 ${lock}`,
    [new Date(uuidTime(id)), id],
  );
  return row;
}

/** Waiting ones that fit, oldest first; one more than the limit. Others who decide at this moment are left theirs. */
export function waitingRows(tx: Tx, filter: DeadLetterFilter, limit: number): Promise<FullRow[]> {
  return tx.query<FullRow[]>(
    `select ${columns}, value from dead_letters
     where status = 'waiting' and ${fits} and ($6::uuid[] is null or id = any ($6))
     order by dead_at, id limit $7 for update skip locked`,
    [...filterValues(filter), filter.ids ?? null, limit + 1],
  );
}

export async function markRows(
  tx: Tx,
  rows: readonly DeadLetterRow[],
  status: 'replayed' | 'discarded',
  by: string,
): Promise<void> {
  await tx.query(
    `update dead_letters d set status = $3, changed_at = now(), changed_by = $4
     from unnest($1::timestamptz[], $2::uuid[]) as w(dead_at, id) where d.dead_at = w.dead_at and d.id = w.id`,
    [rows.map((row) => row.dead_at), rows.map(({ id }) => id), status, by],
  );
}
