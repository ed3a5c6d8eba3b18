-- Worker processes that plugins had killed, of all tenants: the crash budget's memory, and the evidence for operators.
create table kills (
  execution_id uuid not null,
  at timestamptz not null,
  tenant_id uuid not null,
  installation_id uuid not null,
  plugin_id uuid not null,
  digest text not null,
  evidence jsonb not null,
  -- Its installation was suspended for it: a second chance begins with a whole budget.
  spent boolean not null default false,
  primary key (execution_id, at)
);
create index kills_by_installation on kills (installation_id, at) where not spent;
create index kills_by_digest on kills (digest, at) where spent;
select mortise.tenant_table('kills');

-- Why the platform stopped an installation; null while it has not.
alter table installations add column suspended_reason text;
