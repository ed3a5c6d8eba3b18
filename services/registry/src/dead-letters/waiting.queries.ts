import type { WaitingDto, WaitingQuery } from '@mortise/contracts';
import type { Place, Tx } from '@mortise/database';

export interface WaitingRow {
  id: string;
  service: string;
  consumer_group: string | null;
  topic: string;
  key: string | null;
  headers: Record<string, string>;
  bytes: number;
  attempt: number;
  reason: string | null;
  created_at: Date;
  due_at: Date;
}

const columns =
  'id, service, consumer_group, topic, key, headers, bytes, attempt, reason, created_at, due_at';

export const toWaitingDto = (row: WaitingRow): WaitingDto => ({
  id: row.id,
  service: row.service,
  why: row.consumer_group === null ? 'delayed' : 'parked',
  group: row.consumer_group,
  topic: row.topic,
  key: row.key,
  type: row.headers['ce_type'] ?? null,
  eventId: row.headers['ce_id'] ?? null,
  tenantId: row.headers['ce_tenantid'] ?? null,
  attempts: row.attempt,
  reason: row.reason,
  sizeBytes: row.bytes,
  since: row.created_at.toISOString(),
  dueAt: row.due_at.toISOString(),
});

/** One row more than the page holds. */
export function waitingPage(tx: Tx, query: WaitingQuery, place: Place): Promise<WaitingRow[]> {
  const { service, why, topic, tenantId } = query;
  const edge = place.id ? `id ${place.order === 'desc' ? '<' : '>'} $5` : '$5::text is null';
  return tx.query<WaitingRow[]>(
    `select ${columns} from waiting
     where ($1::text is null or service = $1) and ($2::text is null or topic = $2)
       and ($3::text is null or headers ->> 'ce_tenantid' = $3)
       and ($4::boolean is null or (consumer_group is not null) = $4) and ${edge}
     order by id ${place.order} limit $6`,
    [
      service ?? null,
      topic ?? null,
      tenantId?.toLowerCase() ?? null,
      why === undefined ? null : why === 'parked',
      place.id?.value ?? null,
      place.limit + 1,
    ],
  );
}

export async function waitingRow(
  tx: Tx,
  id: string,
): Promise<(WaitingRow & { value: Buffer | null }) | undefined> {
  const [row] = await tx.query<(WaitingRow & { value: Buffer | null })[]>(
    `select ${columns}, value from waiting where id = $1`,
    [id],
  );
  return row;
}

/** @returns false when it is gone, or due */
export async function cancelWaiting(tx: Tx, id: string): Promise<boolean> {
  const [row] = await tx.query<{ cancelled: boolean }[]>('select cancel_waiting($1) as cancelled', [id]);
  return row?.cancelled === true;
}
