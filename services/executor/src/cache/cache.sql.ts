const own = 'tenant_id = $1 and installation_id = $2';

export const getSql = `
  select value, expires_at as "expiresAt" from cache_entries
  where ${own} and key = $3 and expires_at > $4`;

export const putSql = `
  insert into cache_entries (tenant_id, installation_id, key, value, bytes, expires_at, written_at)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (tenant_id, installation_id, key) do update
    set value = excluded.value, bytes = excluded.bytes, expires_at = excluded.expires_at,
      written_at = excluded.written_at`;

export const deleteSql = `delete from cache_entries where ${own} and key = $3 returning expires_at > $4 as live`;

// Newest first as far as the quota reaches; what lies beyond goes.
export const trimSql = `
  with held as (
    select key, sum(bytes) over (order by written_at desc, key) as total from cache_entries
    where ${own} and expires_at > $3)
  delete from cache_entries c using held
  where c.tenant_id = $1 and c.installation_id = $2 and c.key = held.key and held.total > $4`;

export const dropSql = `delete from cache_entries where ${own}`;

export const sweepSql = `
  delete from cache_entries where ctid = any (array(select ctid from cache_entries where expires_at <= $1 limit 10000))`;
