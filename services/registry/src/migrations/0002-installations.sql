create table installations (
  id uuid primary key,
  tenant_id uuid not null,
  plugin_id uuid not null references plugins (id),
  version_id uuid not null references versions (id),
  status text not null,
  -- Raised by every change; what consumers of installation-state order records by.
  revision integer not null default 1,
  config jsonb not null,
  config_revision integer not null default 1,
  secrets_revision integer not null default 0,
  keep_data boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index installations_current on installations (tenant_id, plugin_id) where status <> 'uninstalled';
create index installations_by_tenant on installations (tenant_id, id desc);
select mortise.tenant_table('installations');

-- What the tenant's admin agreed to. Revoked ones stay, as a record.
create table grants (
  id uuid primary key,
  tenant_id uuid not null,
  installation_id uuid not null references installations (id),
  permission text not null,
  selector jsonb,
  expires_at timestamptz,
  granted_by text not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index grants_by_installation on grants (tenant_id, installation_id);
create unique index grants_current on grants (installation_id, permission) where revoked_at is null;
select mortise.tenant_table('grants');

-- A tenant's data key, sealed by the key of the installation (MORTISE_MASTER_KEY).
create table tenant_keys (
  tenant_id uuid primary key,
  sealed bytea not null,
  created_at timestamptz not null default now()
);
select mortise.tenant_table('tenant_keys');

-- Values sealed by the tenant's data key; what is sealed names its place, so that a row moved elsewhere does not open.
create table secrets (
  tenant_id uuid not null,
  installation_id uuid not null references installations (id),
  key text not null,
  version integer not null,
  sealed bytea not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, installation_id, key)
);
select mortise.tenant_table('secrets');
