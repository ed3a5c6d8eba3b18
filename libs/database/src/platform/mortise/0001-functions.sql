-- What every service's migrations call at the end of a table. The service is the schema they run in; its roles are
-- mortise_<service> (rows of one tenant) and mortise_<service>_system (rows of all).

-- A table with tenant_id: row security that even the owner cannot pass, one policy a role, grants.
create function mortise.tenant_table(name text) returns void language plpgsql as $$
declare
  service text := current_schema();
  target regclass := format('%I.%I', service, name)::regclass;
  own constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
begin
  if not exists (
    select from pg_attribute
    where attrelid = target and attname = 'tenant_id' and atttypid = 'uuid'::regtype and attnotnull and not attisdropped
  ) then
    raise exception 'mortise.tenant_table(''%''): the table needs a column "tenant_id uuid not null"', name;
  end if;
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy tenant on %s to %I using (%s) with check (%s)', target, 'mortise_' || service, own, own);
  execute format('create policy system on %s to %I using (true) with check (true)', target, 'mortise_' || service || '_system');
  execute format('grant select, insert, update, delete on %s to %I, %I', target, 'mortise_' || service, 'mortise_' || service || '_system');
end $$;

-- A table without tenant: for the system role; what the tenant role may do besides is named, e.g. 'select'.
-- Each one also stands in tablesWithoutTenant (libs/database/src/catalogue.ts).
create function mortise.system_table(name text, tenant_may text default null) returns void language plpgsql as $$
declare
  service text := current_schema();
  target regclass := format('%I.%I', service, name)::regclass;
begin
  execute format('grant select, insert, update, delete on %s to %I', target, 'mortise_' || service || '_system');
  if tenant_may is not null then
    execute format('grant %s on %s to %I', tenant_may, target, 'mortise_' || service);
  end if;
end $$;

-- Partitions are made and dropped by services at run time, which do not own their tables: these two functions act
-- as the owner, for the tables of the schema whose system role calls them (or for the owner itself).
create function mortise.assert_own_table(target regclass) returns void language plpgsql
  set search_path = pg_catalog, pg_temp as $$
declare
  caller text := current_setting('role');
begin
  if caller = 'none' and session_user = (select pg_get_userbyid(relowner) from pg_class where oid = target) then
    return;
  end if;
  if caller is distinct from (
    select 'mortise_' || nspname || '_system' from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = target
  ) then
    raise exception 'role % may not change the partitions of %', caller, target using errcode = '42501';
  end if;
end $$;

-- Makes the partition of `at` and of the next `ahead` days, weeks or months, and a default one that catches the rest.
-- Rows the default partition caught in the meantime move. Gives the names of what it made.
create function mortise.ensure_partitions(parent regclass, grain text, ahead integer, at timestamptz default now())
  returns setof text language plpgsql security definer
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '10s' as $$
declare
  schema_name text;
  table_name text;
  key_column text;
  secured boolean;
  fallback text;
  child text;
  lower_bound date;
  upper_bound date;
begin
  perform mortise.assert_own_table(parent);
  if grain not in ('day', 'week', 'month') then
    raise exception 'no grain %: day, week or month', grain;
  end if;
  perform pg_advisory_xact_lock(73050103, (parent::oid::bigint % 2147483647)::integer);
  select n.nspname, c.relname, a.attname, c.relrowsecurity into schema_name, table_name, key_column, secured
  from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_partitioned_table p on p.partrelid = c.oid and p.partstrat = 'r'
    join pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
  where c.oid = parent;
  if not found then
    raise exception '% is not partitioned by range of a column', parent;
  end if;

  fallback := table_name || '_default';
  if to_regclass(format('%I.%I', schema_name, fallback)) is null then
    execute format('create table %I.%I partition of %s default', schema_name, fallback, parent);
    if secured then
      execute format('alter table %I.%I enable row level security, force row level security', schema_name, fallback);
    end if;
    return next fallback;
  end if;

  for step in 0..ahead loop
    lower_bound := (date_trunc(grain, at) + step * ('1 ' || grain)::interval)::date;
    upper_bound := (lower_bound + ('1 ' || grain)::interval)::date;
    child := table_name || to_char(lower_bound, '"_p"YYYYMMDD');
    continue when to_regclass(format('%I.%I', schema_name, child)) is not null;
    execute format('create table %I.%I (like %s including defaults including constraints including generated including storage)', schema_name, child, parent);
    -- Not forced, the owner passes row security: only so can it move the rows of every tenant.
    execute format('alter table %I.%I no force row level security', schema_name, fallback);
    execute format(
      'with moved as (delete from %1$I.%2$I where %3$I >= %4$L and %3$I < %5$L returning *) insert into %1$I.%6$I select * from moved',
      schema_name, fallback, key_column, lower_bound, upper_bound, child);
    if secured then
      execute format('alter table %I.%I force row level security', schema_name, fallback);
      execute format('alter table %I.%I enable row level security, force row level security', schema_name, child);
    end if;
    -- Attaching locks the parent for less than "create table ... partition of" does.
    execute format('alter table %s attach partition %I.%I for values from (%L) to (%L)', parent, schema_name, child, lower_bound, upper_bound);
    return next child;
  end loop;
end $$;

-- Drops the partitions that end at or before `older_than` and such rows of the default one. Gives the names dropped.
create function mortise.drop_partitions(parent regclass, older_than timestamptz)
  returns setof text language plpgsql security definer
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '10s' as $$
declare
  child record;
  key_column text;
begin
  perform mortise.assert_own_table(parent);
  perform pg_advisory_xact_lock(73050103, (parent::oid::bigint % 2147483647)::integer);
  select a.attname into key_column
  from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
  where p.partrelid = parent;
  for child in
    select c.oid::regclass as name, c.relname, c.relforcerowsecurity as forced, pg_get_expr(c.relpartbound, c.oid) as bound
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = parent order by c.relname
  loop
    if child.bound = 'DEFAULT' then
      execute format('alter table %s no force row level security', child.name);
      execute format('delete from %s where %I < %L', child.name, key_column, older_than);
      if child.forced then
        execute format('alter table %s force row level security', child.name);
      end if;
    elsif (substring(child.bound from $re$TO \('([^']+)'\)$re$))::timestamptz <= older_than then
      execute format('drop table %s', child.name);
      return next child.relname;
    end if;
  end loop;
end $$;

revoke execute on all functions in schema mortise from public;
