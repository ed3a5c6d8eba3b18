import type { QuarantineDto } from '@mortise/contracts';
import type { Place, Tx } from '@mortise/database';

export interface QuarantineRow {
  id: string;
  tenant_id: string;
  plugin_id: string;
  version_id: string;
  plugin: string;
  version: string;
  digest: string;
  reason: string;
  created_by: string;
  created_at: Date;
  released_at: Date | null;
}

const selected = `select q.id, q.tenant_id, q.plugin_id, q.version_id, p.publisher || '/' || p.slug as plugin, v.version, v.digest,
    q.reason, q.created_by, q.created_at, q.released_at
  from quarantines q join plugins p on p.id = q.plugin_id join versions v on v.id = q.version_id`;

export async function quarantineRow(
  tx: Tx,
  which: { id: string } | { openOf: string },
): Promise<QuarantineRow | undefined> {
  const [row] =
    'id' in which
      ? await tx.query<QuarantineRow[]>(`${selected} where q.id = $1`, [which.id])
      : await tx.query<QuarantineRow[]>(`${selected} where q.version_id = $1 and q.released_at is null`, [
          which.openOf,
        ]);
  return row;
}

/** One row more than the page holds. */
export function quarantinePage(tx: Tx, place: Place): Promise<QuarantineRow[]> {
  const edge = place.id ? `where q.id ${place.order === 'desc' ? '<' : '>'} $2` : 'where $2::uuid is null';
  return tx.query<QuarantineRow[]>(`${selected} ${edge} order by q.id ${place.order} limit $1`, [
    place.limit + 1,
    place.id?.value ?? null,
  ]);
}

/** Every version with these bytes, of any plugin. */
export async function versionsOf(tx: Tx, digest: string): Promise<string[]> {
  const rows = await tx.query<{ id: string }[]>('select id from versions where digest = $1', [digest]);
  return rows.map(({ id }) => id);
}

export const toQuarantineDto = (row: QuarantineRow): QuarantineDto => ({
  id: row.id,
  versionId: row.version_id,
  pluginId: row.plugin_id,
  plugin: row.plugin,
  version: row.version,
  reason: row.reason,
  state: row.released_at ? 'released' : 'quarantined',
  createdBy: row.created_by,
  createdAt: row.created_at.toISOString(),
  releasedAt: row.released_at?.toISOString() ?? null,
});
