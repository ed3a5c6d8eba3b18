const wanted = `unnest($1::uuid[], $2::int[]) as w(execution_id, attempt)`;
const fenced = `unnest($1::uuid[], $2::int[], $3::int[]) as w(execution_id, attempt, fence)`;
const sameRun = `r.execution_id = w.execution_id and r.attempt = w.attempt`;
const key = `r.execution_id as "executionId", r.attempt`;

// Sorted, so that two processes that claim the same runs cannot wait for each other in a circle.
export const claimSql = `
  insert into runs as r (execution_id, attempt, tenant_id, installation_id, owner, lease_until)
  select w.execution_id, w.attempt, w.tenant_id, w.installation_id, $5, clock_timestamp() + $6 * interval '1 ms'
  from unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[]) as w(execution_id, attempt, tenant_id, installation_id)
  order by w.execution_id, w.attempt
  on conflict (execution_id, attempt) do update
    set fence = r.fence + 1, owner = excluded.owner, lease_until = excluded.lease_until,
        claimed_at = clock_timestamp()
    where r.outcome is null and r.lease_until < clock_timestamp()
  returning ${key}, r.fence`;

export const lookUpSql = `
  select ${key}, r.outcome,
    (extract(epoch from r.lease_until - clock_timestamp()) * 1000)::float8 as "leftMs"
  from runs r join ${wanted} on ${sameRun}`;

export const renewSql = `
  with kept as (
    update runs r set lease_until = clock_timestamp() + $4 * interval '1 ms'
    from ${fenced} where ${sameRun} and r.fence = w.fence and r.outcome is null
    returning ${key})
  select * from kept`;

export const releaseSql = `
  update runs set lease_until = clock_timestamp() - interval '1 ms'
  where execution_id = $1 and attempt = $2 and fence = $3 and outcome is null`;

export const finishSql = `
  with done as (
    update runs r set outcome = w.outcome::json, lease_until = null, finished_at = clock_timestamp()
    from unnest($1::uuid[], $2::int[], $3::int[], $4::text[]) as w(execution_id, attempt, fence, outcome)
    where ${sameRun} and r.fence = w.fence and r.outcome is null
    returning ${key})
  select * from done`;

export const cancelSql = `
  insert into runs as r (tenant_id, execution_id, attempt, installation_id, outcome, finished_at)
  values ($1, $2, $3, $4, $5::json, clock_timestamp())
  on conflict do nothing returning ${key}`;

export const forgetSql = `
  delete from runs where finished_at < clock_timestamp() - $1 * interval '1 day'`;
