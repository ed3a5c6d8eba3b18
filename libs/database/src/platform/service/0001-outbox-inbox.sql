-- What waits to be sent or to be handled again. A row leaves only after the bus has taken it.
create table outbox (
  id bigint generated always as identity primary key,
  -- hash(key) % 8: each shard is relayed by one process at a time, which keeps the order of a key.
  shard smallint not null,
  topic text not null,
  key text,
  value bytea,
  headers jsonb not null default '{}',
  partition integer,
  -- Not before this time; such rows give up their place in the order of their key.
  due_at timestamptz,
  -- Parked: the group whose handler gets the record again, in this service's own process.
  consumer_group text,
  attempt integer not null default 0,
  reason text,
  origin jsonb,
  created_at timestamptz not null default now()
);
create index outbox_now on outbox (shard, id) where due_at is null;
create index outbox_due on outbox (due_at) where due_at is not null;
-- The table is a queue: vacuumed by number of rows, since its size says nothing.
alter table outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
select mortise.system_table('outbox', 'insert');

-- Events whose effect is in this schema. The day of acceptance is part of the key, so that old days are dropped whole.
create table inbox (
  consumer text not null,
  tenant_id uuid not null,
  source text not null,
  event_id text not null,
  accepted_on date not null,
  accepted_at timestamptz not null,
  primary key (consumer, tenant_id, source, event_id, accepted_on)
) partition by range (accepted_on);
select mortise.tenant_table('inbox');
select mortise.ensure_partitions('inbox', 'day', 7);
