-- Customers of the host product. Not a tenant's own data: which tenants exist is the platform's.
create table tenants (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  suspended boolean not null default false,
  -- Raised by every change; consumers of tenant-state ignore lower ones.
  revision integer not null default 1,
  created_at timestamptz not null default now()
);
select mortise.system_table('tenants');

-- The key itself is nowhere: only its SHA-256 and the few characters that recognise it.
create table api_keys (
  id uuid primary key,
  tenant_id uuid not null references tenants (id),
  prefix text not null,
  hash bytea not null unique check (length(hash) = 32),
  roles text[] not null check (cardinality(roles) > 0),
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
create index api_keys_tenant on api_keys (tenant_id, id);
create index api_keys_prefix on api_keys (prefix text_pattern_ops);
select mortise.tenant_table('api_keys');
