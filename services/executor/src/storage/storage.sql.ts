const own = 'tenant_id = $1 and installation_id = $2';

export const getSql = `
  select value::text as value from storage_entries
  where ${own} and key = $3 and (expires_at is null or expires_at > $4)`;

// The update without a change takes the lock that all writers of one installation queue at.
export const lockUsageSql = `
  insert into storage_usage as u (tenant_id, installation_id) values ($1, $2)
  on conflict (tenant_id, installation_id) do update set bytes = u.bytes
  returning bytes`;

export const oldBytesSql = `select bytes from storage_entries where ${own} and key = $3`;

export const putSql = `
  with entry as (
    insert into storage_entries (tenant_id, installation_id, key, value, bytes, expires_at)
    values ($1, $2, $3, $4::json, $5::int, $6)
    on conflict (tenant_id, installation_id, key) do update
      set value = excluded.value, bytes = excluded.bytes, expires_at = excluded.expires_at)
  update storage_usage set bytes = bytes + $5::int - $7::int, drop_at = null where ${own}`;

export const deleteSql = `
  with gone as (
    delete from storage_entries where ${own} and key = $3
    returning bytes, expires_at is null or expires_at > $4 as live),
  counted as (
    update storage_usage set bytes = bytes - coalesce((select sum(bytes) from gone), 0) where ${own})
  select live from gone`;

// Prefix as a range of the byte order: no pattern characters to escape, and the primary key serves it.
export const listSql = `
  select key from storage_entries
  where ${own} and starts_with(key, $3) and key >= $3 and ($4::text is null or key > $4)
    and (expires_at is null or expires_at > $6)
  order by key limit $5`;

export const removeExpiredSql = `
  with gone as (
    delete from storage_entries where ${own} and expires_at <= $3 and key <> $4 returning bytes),
  freed as (select coalesce(sum(bytes), 0) as bytes from gone),
  counted as (update storage_usage set bytes = bytes - (select bytes from freed) where ${own})
  select bytes from freed`;

export const dropSql = [`delete from storage_entries where ${own}`, `delete from storage_usage where ${own}`];

export const keepUntilSql = `update storage_usage set drop_at = $3 where ${own}`;

export const withExpiredSql = `
  select distinct tenant_id as "tenantId", installation_id as "installationId"
  from storage_entries where expires_at <= $1 limit 200`;

export const dueToDropSql = `
  select tenant_id as "tenantId", installation_id as "installationId"
  from storage_usage where drop_at <= $1 limit 200`;
