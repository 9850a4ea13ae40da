-- Programs that tell when they run, and the schedules whose runs are told elsewhere.
create or replace function hourhand.list_pings()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'now', hourhand.clock(),
    'pings', (select coalesce(jsonb_agg(hourhand_parts.ping_json(p) order by p.name), '[]') from hourhand_parts.pings p),
    'targets', (
      select coalesce(jsonb_agg(jsonb_build_object('schedule', s.name, 'url', t.url) order by s.name), '[]')
      from hourhand_parts.ping_targets t join hourhand.scheduled_jobs s on s.id = t.schedule_id
    )
  )
$$;
