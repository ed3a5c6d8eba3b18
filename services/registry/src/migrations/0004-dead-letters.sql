-- Messages that could not be handled, of all services, for operators. Of all tenants and of none: a message that
-- cannot be read names nobody.
create table dead_letters (
  -- Derived from where the message died, so that the same letter is stored once; carries dead_at's milliseconds.
  id uuid not null,
  dead_at timestamptz not null,
  status text not null default 'waiting' check (status in ('waiting', 'replayed', 'discarded')),
  service text not null,
  topic text not null,
  code text not null,
  tenant text,
  -- Key and headers as they came. json, not jsonb: they may hold what jsonb refuses.
  letter json not null,
  value bytea,
  changed_at timestamptz,
  changed_by text,
  primary key (dead_at, id)
) partition by range (dead_at);
create index dead_letters_waiting on dead_letters (dead_at, id) where status = 'waiting';
select mortise.system_table('dead_letters');
select mortise.ensure_partitions('dead_letters', 'week', 4);

-- When a failed attempt that will be tried again is tried again; null otherwise.
alter table executions add column next_attempt_at timestamptz;
