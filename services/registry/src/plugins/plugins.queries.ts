import type { InstallationStatus, PluginListQuery } from '@mortise/contracts';
import type { Place, Tx } from '@mortise/database';
import { storableText } from '../projections/json-text.js';

export interface PluginRow {
  id: string;
  publisher: string;
  slug: string;
  name: string;
  description: string | null;
  category: string | null;
  latest_version: string;
  created_at: Date;
  installation_id: string | null;
  installation_status: InstallationStatus | null;
  installation_version: string | null;
}

const columns = `p.id, p.publisher, p.slug, p.name, p.description, p.category, p.latest_version, p.created_at,
  i.id as installation_id, i.status as installation_status, v.version as installation_version`;
const joined = `plugins p
  left join installations i on i.plugin_id = p.id and i.tenant_id = $1 and i.status <> 'uninstalled'
  left join versions v on v.id = i.version_id and v.tenant_id = $1`;

/** `%` and `_` of a search word stand for themselves. */
const like = (words: string) => `%${words.replace(/[\\%_]/g, '\\$&')}%`;

/** Plugins a tenant can see, with its own installation beside each; one row more than the page holds. */
export function pluginPage(
  tx: Tx,
  tenantId: string,
  query: PluginListQuery,
  place: Place,
): Promise<PluginRow[]> {
  const edge = place.id
    ? place.order === 'desc'
      ? 'and p.id < $6'
      : 'and p.id > $6'
    : 'and $6::uuid is null';
  return tx.query<PluginRow[]>(
    `select ${columns} from ${joined}
     where p.tenant_id = $1
       and ($2::text is null or i.status = $2)
       and ($3::text is null or p.slug ilike $3 or p.name ilike $3 or p.description ilike $3)
       and ($4::text is null or p.category = $4) ${edge}
     order by p.id ${place.order} limit $5`,
    [
      tenantId,
      query.status ?? null,
      query.search === undefined ? null : like(storableText(query.search)),
      query.category === undefined ? null : storableText(query.category),
      place.limit + 1,
      place.id?.value ?? null,
    ],
  );
}

export async function pluginRow(tx: Tx, tenantId: string, id: string): Promise<PluginRow | undefined> {
  const [row] = await tx.query<PluginRow[]>(
    `select ${columns} from ${joined} where p.tenant_id = $1 and p.id = $2`,
    [tenantId, id],
  );
  return row;
}
