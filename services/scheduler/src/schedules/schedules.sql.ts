// `revision` guards against a replica that is behind; next_at is kept unless what it was made of has changed.
export const upsertSql = `
  insert into schedules as s (id, tenant_id, installation_id, job, cron, timezone, function, input, catch_up, overlap,
    jitter_s, next_at, enabled, paused, revision)
  select w.id, $1, $2, w.job, w.cron, w.timezone, w.function, w.input::jsonb, w.catch_up, w.overlap,
    w.jitter_s, w.next_at, $3, w.paused, $4
  from unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
    $13::int[], $14::timestamptz[], $15::boolean[])
    as w(id, job, cron, timezone, function, input, catch_up, overlap, jitter_s, next_at, paused)
  on conflict (tenant_id, installation_id, job) do update set
    cron = excluded.cron, timezone = excluded.timezone, function = excluded.function, input = excluded.input,
    catch_up = excluded.catch_up, overlap = excluded.overlap, jitter_s = excluded.jitter_s,
    enabled = excluded.enabled, revision = excluded.revision,
    hold = case when excluded.enabled then s.hold end,
    next_at = case
      when (s.cron, s.timezone, s.jitter_s, s.enabled)
        is distinct from (excluded.cron, excluded.timezone, excluded.jitter_s, excluded.enabled)
      then excluded.next_at else s.next_at end
  where s.revision < excluded.revision`;

export const dropOthersSql = `
  delete from schedules where tenant_id = $1 and installation_id = $2 and revision <= $3 and job <> all($4::text[])`;

export const dropSql = `delete from schedules where tenant_id = $1 and installation_id = $2`;

export const knownSql = `
  select installation_id as "installationId", tenant_id as "tenantId", max(revision)::float8 as revision
  from schedules group by 1, 2`;

export const nowSql = `select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;

export const dueSql = `
  select s.id, s.tenant_id as "tenantId", s.installation_id as "installationId", s.job, s.cron, s.timezone, s.function,
    s.input, s.catch_up as "catchUp", s.overlap, s.jitter_s as "jitterS", s.hold,
    (extract(epoch from s.next_at) * 1000)::float8 as "dueMs",
    exists (
      select from fires f where f.schedule_id = s.id and f.finished_at is null
        and f.fired_at > to_timestamp($1 / 1000.0) - $3 * interval '1 ms') as unfinished
  from schedules s
  where s.enabled and not s.paused and s.next_at <= to_timestamp($1 / 1000.0)
    and (s.hold is distinct from 'waiting' or s.next_at < to_timestamp($1 / 1000.0) - $3 * interval '1 ms')
  order by s.next_at limit $2
  for update of s skip locked`;

export const soonestSql = `
  select (extract(epoch from min(next_at) - clock_timestamp()) * 1000)::float8 as "inMs"
  from schedules where enabled and not paused and hold is distinct from 'waiting'`;

export const addFiresSql = `
  insert into fires (tenant_id, schedule_id, due_at, execution_id)
  select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[])
  on conflict do nothing
  returning execution_id as "executionId"`;

export const advanceSql = `
  update schedules s set next_at = w.next_at, hold = w.hold,
    last_at = coalesce(w.last_at, s.last_at)
  from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::timestamptz[]) as w(id, next_at, hold, last_at)
  where s.id = w.id`;

export const finishFiresSql = `
  with ended as (
    update fires f set finished_at = clock_timestamp(), status = w.status
    from unnest($1::uuid[], $2::text[]) as w(execution_id, status)
    where f.execution_id = w.execution_id and f.finished_at is null
    returning f.schedule_id)
  update schedules set hold = 'released'
  where hold = 'waiting' and id in (select schedule_id from ended)`;

export const forgetFiresSql = `delete from fires where fired_at < clock_timestamp() - interval '30 days'`;

export const jobsSql = `
  select job, next_at as "nextAt", last_at as "lastAt", enabled, paused from schedules
  where tenant_id = $1 and installation_id = $2`;

export const pauseSql = `
  update schedules set paused = $4, next_at = $5, hold = null
  where tenant_id = $1 and installation_id = $2 and job = $3`;
