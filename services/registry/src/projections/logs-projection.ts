import type { ExecutionLogData, LogLine } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { storable, storableText } from './json-text.js';

/** What the level filter compares. */
export const severityOf: Record<LogLine['level'], number> = { debug: 0, info: 1, warn: 2, error: 3 };

const insertLines = `
  insert into logs (tenant_id, installation_id, execution_id, at, sequence, level, severity, message, fields)
  select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::integer[], $6::text[], $7::integer[],
    $8::text[], $9::jsonb[])
  on conflict (execution_id, sequence, at) do nothing`;

/** Stores lines that plugins wrote; repeats change nothing. */
export async function projectLogs(db: Database, batches: readonly ExecutionLogData[]): Promise<void> {
  const rows = batches
    .flatMap(({ tenantId, installationId, executionId, lines }) =>
      lines.map((line) => ({ tenantId, installationId, executionId, line })),
    )
    // The order of the key: two batches at once cannot deadlock.
    .sort((a, b) =>
      a.executionId === b.executionId
        ? a.line.sequence - b.line.sequence
        : a.executionId < b.executionId
          ? -1
          : 1,
    );
  if (rows.length === 0) return;
  const values = [
    rows.map(({ tenantId }) => tenantId),
    rows.map(({ installationId }) => installationId),
    rows.map(({ executionId }) => executionId),
    rows.map(({ line }) => line.at),
    rows.map(({ line }) => line.sequence),
    rows.map(({ line }) => line.level),
    rows.map(({ line }) => severityOf[line.level]),
    rows.map(({ line }) => storableText(line.message)),
    rows.map(({ line }) => (line.fields === undefined ? null : JSON.stringify(storable(line.fields)))),
  ];
  await db.system((tx) => tx.query(insertLines, values));
}
