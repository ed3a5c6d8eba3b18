-- Jobs of installations, derived from the installations' state; `paused` is the only thing people set here.
create table schedules (
  id uuid primary key,
  tenant_id uuid not null,
  installation_id uuid not null,
  job text not null,
  cron text not null,
  timezone text not null,
  function text not null,
  input jsonb,
  catch_up text not null,
  overlap text not null,
  jitter_s integer not null default 0,
  -- Null: the expression never fires again.
  next_at timestamptz,
  last_at timestamptz,
  -- The installation is active.
  enabled boolean not null,
  -- A person or the manifest stopped it.
  paused boolean not null default false,
  -- overlap queue: null, 'waiting' for the run before to end, 'released' when it has.
  hold text check (hold in ('waiting', 'released')),
  -- Revision of the state it was derived from: lower ones are ignored.
  revision bigint not null,
  unique (tenant_id, installation_id, job)
);
create index schedules_due on schedules (next_at) where enabled and not paused;
create index schedules_installation on schedules (installation_id);
select mortise.tenant_table('schedules');

-- One row a tick that fired: unique, so that replicas and restarts never fire one twice.
create table fires (
  tenant_id uuid not null,
  schedule_id uuid not null,
  due_at timestamptz not null,
  execution_id uuid not null,
  fired_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  status text,
  primary key (schedule_id, due_at)
);
create unique index fires_execution on fires (execution_id);
create index fires_age on fires (fired_at);
select mortise.tenant_table('fires');
