-- Plugins' own key-value storage.
create table storage_entries (
  tenant_id uuid not null,
  installation_id uuid not null,
  -- Byte order: lists by prefix walk the primary key.
  key text collate "C" not null,
  -- json, not jsonb: the plugin gets back the text it gave, and jsonb refuses NUL and half a surrogate pair.
  value json not null,
  bytes integer not null,
  expires_at timestamptz,
  primary key (tenant_id, installation_id, key)
);
create index storage_entries_expiry on storage_entries (expires_at) where expires_at is not null;
select mortise.tenant_table('storage_entries');

-- What each installation holds: the row that writers of one installation queue at.
create table storage_usage (
  tenant_id uuid not null,
  installation_id uuid not null,
  bytes bigint not null default 0,
  -- Set by an uninstall that keeps the data: then it goes.
  drop_at timestamptz,
  primary key (tenant_id, installation_id)
);
create index storage_usage_drop on storage_usage (drop_at) where drop_at is not null;
select mortise.tenant_table('storage_usage');
