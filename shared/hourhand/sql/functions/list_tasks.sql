-- Every task that a worker has registered, with the workers that can run it now.
create or replace function hourhand.list_tasks()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('now', hourhand.clock(), 'tasks', coalesce(jsonb_agg(
    to_jsonb(t) || jsonb_build_object(
      'timeout', hourhand_parts.seconds(t.timeout),
      'workers', (
        select count(*) from hourhand.services s
        where s.kind = 'worker' and s.state = 'open' and s.lease_until > hourhand.clock() and s.tasks ? t.name
      )
    ) order by t.name), '[]'))
  from hourhand.tasks t
$$;
