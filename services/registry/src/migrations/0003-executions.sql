-- Records of executions, projected from execution-events. The id carries accepted_at's milliseconds, so a look-up by
-- id reads one partition.
create table executions (
  id uuid not null,
  tenant_id uuid not null,
  accepted_at timestamptz not null,
  installation_id uuid not null,
  plugin_id uuid not null,
  version text not null,
  function text not null,
  trigger text not null,
  trigger_name text,
  status text not null,
  -- Records are ordered by (attempt, rank): see contracts' statusRank.
  attempt integer not null,
  rank integer not null,
  started_at timestamptz,
  finished_at timestamptz,
  result jsonb,
  error jsonb,
  usage jsonb,
  causation_id text,
  primary key (id, accepted_at)
) partition by range (accepted_at);
create index executions_by_tenant on executions (tenant_id, accepted_at desc, id desc);
create index executions_by_installation on executions (tenant_id, installation_id, accepted_at desc, id desc);
select mortise.tenant_table('executions');
select mortise.ensure_partitions('executions', 'week', 4);

create table logs (
  tenant_id uuid not null,
  installation_id uuid not null,
  execution_id uuid not null,
  at timestamptz not null,
  sequence integer not null,
  level text not null,
  -- debug 0, info 1, warn 2, error 3
  severity integer not null,
  message text not null,
  fields jsonb,
  primary key (execution_id, sequence, at)
) partition by range (at);
create index logs_by_installation on logs (tenant_id, installation_id, at desc, execution_id, sequence desc);
select mortise.tenant_table('logs');
select mortise.ensure_partitions('logs', 'day', 7);
