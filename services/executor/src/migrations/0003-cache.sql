-- What plugins remember for a while, shared by all executors. Unlogged: no write-ahead log for what may be lost; a crash of
-- the database empties it.
create unlogged table cache_entries (
  tenant_id uuid not null,
  installation_id uuid not null,
  key text collate "C" not null,
  -- JSON as the plugin gave it; nothing here looks into it.
  value text not null,
  bytes integer not null,
  expires_at timestamptz not null,
  -- The oldest go first when an installation holds more than it may.
  written_at timestamptz not null,
  primary key (tenant_id, installation_id, key)
);
create index cache_entries_expiry on cache_entries (expires_at);
select mortise.tenant_table('cache_entries');
