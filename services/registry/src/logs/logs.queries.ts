import { uuidTime, type LogLineDto } from '@mortise/contracts';
import type { Tx } from '@mortise/database';

/** A line's place in the stream: (at, execution, sequence). */
export interface LogPlace {
  atMs: number;
  executionId: string;
  sequence: number;
}

/** Which lines are meant. */
export interface LogFilter {
  tenantId: string;
  installationId: string;
  executionId?: string | undefined;
  /** The least severity shown. */
  severity: number;
  sinceMs?: number | undefined;
}

interface LogRow {
  at: Date;
  execution_id: string;
  sequence: number;
  level: LogLineDto['level'];
  message: string;
  fields: Record<string, unknown> | null;
}

/** Clocks of instances differ: a line may seem older than its execution. */
const clockSkewMs = 60_000;

export const placeOfLine = (line: LogLineDto): LogPlace => ({
  atMs: Date.parse(line.at),
  executionId: line.executionId,
  sequence: line.sequence,
});

/** Lines beyond a place, that one left out, in the order asked for. */
export async function logLines(
  tx: Tx,
  filter: LogFilter,
  o: { order: 'asc' | 'desc'; from?: LogPlace | undefined; limit: number },
): Promise<LogLineDto[]> {
  const edge = o.from
    ? `and (at, execution_id, sequence) ${o.order === 'desc' ? '<' : '>'} ($6::timestamptz, $7::uuid, $8::integer)`
    : 'and $6::timestamptz is null and $7::uuid is null and $8::integer is null';
  const rows = await tx.query<LogRow[]>(
    `select at, execution_id, sequence, level, message, fields from logs
     where tenant_id = $1 and installation_id = $2
       and ($3::uuid is null or execution_id = $3)
       and severity >= $4
       and ($5::timestamptz is null or at >= $5) ${edge}
     order by at ${o.order}, execution_id ${o.order}, sequence ${o.order} limit $9`,
    [
      filter.tenantId,
      filter.installationId,
      filter.executionId ?? null,
      filter.severity,
      earliest(filter),
      o.from ? new Date(o.from.atMs) : null,
      o.from?.executionId ?? null,
      o.from?.sequence ?? null,
      o.limit,
    ],
  );
  return rows.map((row) => ({
    at: row.at.toISOString(),
    executionId: row.execution_id,
    sequence: row.sequence,
    level: row.level,
    message: row.message,
    fields: row.fields,
  }));
}

/** An execution's id says when it began: days before that are not read. */
function earliest({ sinceMs, executionId }: LogFilter): Date | null {
  const begunMs = executionId === undefined ? undefined : uuidTime(executionId) - clockSkewMs;
  if (sinceMs === undefined && begunMs === undefined) return null;
  return new Date(Math.max(sinceMs ?? 0, begunMs ?? 0));
}

/** The installation an execution ran for; its lines may be stored before its record is. */
export async function installationOfExecution(
  tx: Tx,
  tenantId: string,
  executionId: string,
): Promise<string | undefined> {
  const acceptedMs = uuidTime(executionId);
  const [row] = await tx.query<{ installation_id: string }[]>(
    `(select installation_id from executions
       where tenant_id = $1 and id = $2 and accepted_at >= $3 and accepted_at < $4)
     union all
     (select installation_id from logs where tenant_id = $1 and execution_id = $2 and at >= $5 limit 1)
     limit 1`,
    [
      tenantId,
      executionId,
      new Date(acceptedMs),
      new Date(acceptedMs + 1),
      new Date(acceptedMs - clockSkewMs),
    ],
  );
  return row?.installation_id;
}
