-- Claims of background runs. A row is there before the run starts; its outcome is there before the command's offset
-- moves, so that a redelivered command republishes instead of running again.
create table runs (
  tenant_id uuid not null,
  execution_id uuid not null,
  -- Plugin retries: 1 is the first attempt.
  attempt integer not null,
  installation_id uuid not null,
  -- Counts claims of this attempt: an outcome with an old fence is refused.
  fence integer not null default 1,
  owner text,
  lease_until timestamptz,
  -- The execution event to publish; null while it runs.
  -- json, not jsonb: results and messages may hold what jsonb refuses (NUL, half a surrogate pair).
  outcome json,
  claimed_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  primary key (execution_id, attempt)
);
create index runs_finished on runs (finished_at) where finished_at is not null;
select mortise.tenant_table('runs');
