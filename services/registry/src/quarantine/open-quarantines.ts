import type { Tx } from '@mortise/database';

/** Reasons of the quarantines that stand, by version id. */
export async function openQuarantines(tx: Tx, versionIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await tx.query<{ version_id: string; reason: string }[]>(
    'select version_id, reason from quarantines where version_id = any($1) and released_at is null',
    [versionIds],
  );
  return new Map(rows.map(({ version_id, reason }) => [version_id, reason]));
}
