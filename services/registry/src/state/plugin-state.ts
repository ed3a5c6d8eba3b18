import type { PluginStateData } from '@mortise/contracts';
import type { Tx } from '@mortise/database';

interface Row {
  id: string;
  tenant_id: string;
  publisher: string;
  slug: string;
  revision: number;
  quarantined: { digest: string; reason: string }[] | null;
}

export const pluginStateColumns = `select p.id, p.tenant_id, p.publisher, p.slug, p.revision,
    (select jsonb_agg(jsonb_build_object('digest', v.digest, 'reason', q.reason))
     from quarantines q join versions v on v.id = q.version_id
     where q.plugin_id = p.id and q.released_at is null) as quarantined
  from plugins p`;

export const toPluginState = (row: Row): PluginStateData => ({
  pluginId: row.id,
  tenantId: row.tenant_id,
  publisher: row.publisher,
  slug: row.slug,
  quarantined: row.quarantined ?? [],
  revision: row.revision,
});

export async function pluginStateOf(tx: Tx, pluginId: string): Promise<PluginStateData> {
  const [row] = await tx.query<Row[]>(`${pluginStateColumns} where p.id = $1`, [pluginId]);
  if (!row) throw new Error(`no plugin ${pluginId}`);
  return toPluginState(row);
}

const pageRows = 500;

/** Every plugin that has something to say: what plugin-state would hold if nothing had been lost. */
export async function* pluginStates(
  run: <T>(fn: (tx: Tx) => Promise<T>) => Promise<T>,
): AsyncGenerator<PluginStateData> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const from = after;
    const page = await run((tx) =>
      tx.query<Row[]>(
        `${pluginStateColumns} where p.id > $1 and p.revision > 1 order by p.id limit ${pageRows}`,
        [from],
      ),
    );
    for (const row of page) yield toPluginState(row);
    if (page.length < pageRows) return;
    after = page[page.length - 1]?.id ?? after;
  }
}
