-- Whether any task or queue has a limit of how much goes on at once. Mostly none has.
create or replace function hourhand_parts.has_limits()
returns boolean
language sql stable set search_path = ''
as $$
  select exists (select from hourhand.tasks t where t.concurrency is not null)
    or exists (select from hourhand.queues q where q.concurrency is not null)
$$;
