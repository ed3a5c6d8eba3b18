-- What waits in the outboxes of all services for a later time, for operators. A view and a function that act as the
-- owner of all schemas: the registry's system role sees and deletes these rows and nothing else of other services.
create view waiting as
select lpad(number::text, 8, '0') || '-0000-8000-8000-' || lpad(to_hex(id), 12, '0') as id,
  service, consumer_group, topic, key, headers, value, coalesce(octet_length(value), 0) as bytes, attempt, reason,
  created_at, due_at
from (
  select 1 as number, 'gateway' as service,
    id, consumer_group, topic, key, headers, value, attempt, reason, created_at, due_at
  from gateway.outbox where due_at is not null
  union all
  select 2 as number, 'registry' as service,
    id, consumer_group, topic, key, headers, value, attempt, reason, created_at, due_at
  from registry.outbox where due_at is not null
  union all
  select 3 as number, 'executor' as service,
    id, consumer_group, topic, key, headers, value, attempt, reason, created_at, due_at
  from executor.outbox where due_at is not null
  union all
  select 4 as number, 'scheduler' as service,
    id, consumer_group, topic, key, headers, value, attempt, reason, created_at, due_at
  from scheduler.outbox where due_at is not null
) rows;

-- False: it is gone, or due and perhaps on its way already.
create function cancel_waiting(waiting_id text) returns boolean language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  row_id bigint := ('x' || right(waiting_id, 12))::bit(48)::bigint;
begin
  case left(waiting_id, 8)::integer
    when 1 then delete from gateway.outbox where id = row_id and due_at > clock_timestamp();
    when 2 then delete from registry.outbox where id = row_id and due_at > clock_timestamp();
    when 3 then delete from executor.outbox where id = row_id and due_at > clock_timestamp();
    when 4 then delete from scheduler.outbox where id = row_id and due_at > clock_timestamp();
    else return false;
  end case;
  return found;
end $$;

revoke execute on function cancel_waiting from public;
grant select on waiting to mortise_registry_system;
grant execute on function cancel_waiting to mortise_registry_system;
