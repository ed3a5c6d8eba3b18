-- Who publishes: a slug belongs to one tenant, for good.
create table publishers (
  id uuid primary key,
  tenant_id uuid not null,
  slug text not null unique,
  created_at timestamptz not null default now()
);
select mortise.tenant_table('publishers');

create table plugins (
  id uuid primary key,
  tenant_id uuid not null,
  publisher text not null references publishers (slug),
  slug text not null,
  name text not null,
  description text,
  category text,
  latest_version text not null,
  -- Of plugin-state: raised by each quarantine and release.
  revision integer not null default 1,
  created_at timestamptz not null default now(),
  unique (publisher, slug)
);
create index plugins_by_tenant on plugins (tenant_id, id desc);
create index plugins_by_slug on plugins (tenant_id, slug);
select mortise.tenant_table('plugins');

-- A release: immutable, named by the digest of its package.
create table versions (
  id uuid primary key,
  tenant_id uuid not null,
  plugin_id uuid not null references plugins (id),
  version text not null,
  digest text not null,
  size_bytes bigint not null,
  status text not null,
  manifest jsonb not null,
  warnings text[] not null,
  created_at timestamptz not null default now(),
  unique (plugin_id, version)
);
create index versions_by_tenant on versions (tenant_id, plugin_id, id desc);
select mortise.tenant_table('versions');

create table quarantines (
  id uuid primary key,
  tenant_id uuid not null,
  plugin_id uuid not null references plugins (id),
  version_id uuid not null references versions (id),
  reason text not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  released_at timestamptz
);
create index quarantines_by_tenant on quarantines (tenant_id, id desc);
-- One at a time: a second call finds the first.
create unique index quarantines_open on quarantines (version_id) where released_at is null;
select mortise.tenant_table('quarantines');
