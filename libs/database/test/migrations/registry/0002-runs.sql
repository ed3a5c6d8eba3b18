create table runs (
  tenant_id uuid not null,
  id uuid not null,
  accepted_at timestamptz not null,
  primary key (id, accepted_at)
) partition by range (accepted_at);
create index runs_by_tenant on runs (tenant_id, accepted_at desc);
select mortise.tenant_table('runs');
select mortise.ensure_partitions('runs', 'week', 1);
