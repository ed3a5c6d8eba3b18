import {
  uuidTime,
  type ExecutionDto,
  type ExecutionError,
  type ExecutionListQuery,
  type ExecutionStatus,
  type ExecutionUsage,
  type InstallationStatus,
  type Manifest,
  type TriggerKind,
} from '@mortise/contracts';
import type { Place, Tx } from '@mortise/database';
import { instantOf } from '../instant.js';

export interface ExecutionRow {
  id: string;
  tenant_id: string;
  accepted_at: Date;
  installation_id: string;
  plugin_id: string;
  version: string;
  function: string;
  trigger: TriggerKind;
  trigger_name: string | null;
  status: ExecutionStatus;
  attempt: number;
  started_at: Date | null;
  finished_at: Date | null;
  result: unknown;
  error: ExecutionError | null;
  usage: ExecutionUsage | null;
  next_attempt_at: Date | null;
}

const columns = `id, tenant_id, accepted_at, installation_id, plugin_id, version, function, trigger, trigger_name,
  status, attempt, started_at, finished_at, result, error, usage, next_attempt_at`;

export const toExecutionDto = (row: ExecutionRow): ExecutionDto => ({
  id: row.id,
  installationId: row.installation_id,
  pluginId: row.plugin_id,
  version: row.version,
  function: row.function,
  trigger: row.trigger,
  triggerName: row.trigger_name,
  status: row.status,
  attempt: row.attempt,
  acceptedAt: row.accepted_at.toISOString(),
  startedAt: row.started_at?.toISOString() ?? null,
  finishedAt: row.finished_at?.toISOString() ?? null,
  result: row.result,
  error: row.error,
  usage: row.usage,
  nextAttemptAt: row.next_attempt_at?.toISOString() ?? null,
});

/** The id carries the millisecond of acceptance: one partition is read. */
export async function executionRow(tx: Tx, tenantId: string, id: string): Promise<ExecutionRow | undefined> {
  const acceptedMs = uuidTime(id);
  const [row] = await tx.query<ExecutionRow[]>(
    `select ${columns} from executions
     where tenant_id = $1 and id = $2 and accepted_at >= $3 and accepted_at < $4`,
    [tenantId, id, new Date(acceptedMs), new Date(acceptedMs + 1)],
  );
  return row;
}

/** One row more than the page holds. Ids of executions begin with their time: (accepted_at, id) orders as id does. */
export function executionPage(
  tx: Tx,
  tenantId: string,
  query: ExecutionListQuery,
  place: Place,
): Promise<ExecutionRow[]> {
  const edge = place.id
    ? `and (accepted_at, id) ${place.order === 'desc' ? '<' : '>'} ($7::timestamptz, $8::uuid)`
    : 'and $7::timestamptz is null and $8::uuid is null';
  return tx.query<ExecutionRow[]>(
    `select ${columns} from executions
     where tenant_id = $1
       and ($2::uuid is null or installation_id = $2)
       and ($3::text is null or status = $3)
       and ($4::text is null or trigger = $4)
       and ($5::timestamptz is null or accepted_at >= $5) ${edge}
     order by accepted_at ${place.order}, id ${place.order} limit $6`,
    [
      tenantId,
      query.installation ?? null,
      query.status ?? null,
      query.trigger ?? null,
      query.since === undefined ? null : instantOf(query.since, '/since'),
      place.limit + 1,
      place.id ? new Date(uuidTime(place.id.value)) : null,
      place.id?.value ?? null,
    ],
  );
}

/** What decides whether an installation can run something. */
export interface TargetRow {
  status: InstallationStatus;
  revision: number;
  plugin_id: string;
  version: string;
  manifest: Manifest;
  quarantine_reason: string | null;
}

export async function targetRow(tx: Tx, tenantId: string, id: string): Promise<TargetRow | undefined> {
  const [row] = await tx.query<TargetRow[]>(
    `select i.status, i.revision, i.plugin_id, v.version, v.manifest, q.reason as quarantine_reason
     from installations i
       join versions v on v.id = i.version_id
       left join quarantines q on q.version_id = v.id and q.released_at is null
     where i.tenant_id = $1 and i.id = $2 and i.status <> 'uninstalled'`,
    [tenantId, id],
  );
  return row;
}

export interface QueuedExecution {
  id: string;
  tenantId: string;
  installationId: string;
  pluginId: string;
  version: string;
  function: string;
}

/** The record of an execution that was taken on by a call and has not started. */
export async function insertQueued(tx: Tx, row: QueuedExecution): Promise<void> {
  await tx.query(
    `insert into executions (id, tenant_id, accepted_at, installation_id, plugin_id, version, function, trigger, status, attempt, rank)
     values ($1, $2, $3, $4, $5, $6, $7, 'call', 'queued', 1, 0)`,
    [
      row.id,
      row.tenantId,
      new Date(uuidTime(row.id)),
      row.installationId,
      row.pluginId,
      row.version,
      row.function,
    ],
  );
}
