-- Alerts, those that are open first and then the latest; and the destinations that could not be reached.
create or replace function hourhand.list_alerts(p_limit int default 100)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'now', hourhand.clock(),
    'alerts', (
      select coalesce(jsonb_agg(to_jsonb(a) || jsonb_build_object('messages', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'kind', m.kind, 'destination', m.destination, 'attempts', m.attempts, 'error', m.error, 'due_at', m.due_at,
          'delivered_at', m.delivered_at
        ) order by m.created_at, m.destination), '[]')
        from hourhand_parts.messages m where m.alert_id = a.id
      )) order by a.closed_at is null desc, a.id desc), '[]')
      from (
        select * from hourhand_parts.alerts order by closed_at is null desc, id desc limit p_limit
      ) a
    ),
    'unreachable', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'destination', u.destination, 'waiting', u.n, 'since', u.since, 'error', u.error
      ) order by u.destination), '[]')
      from (
        select m.destination, count(*) as n, min(m.created_at) as since, (array_agg(m.error order by m.created_at desc))[1] as error
        from hourhand_parts.messages m
        where m.delivered_at is null and m.error is not null and m.created_at > hourhand.clock() - interval '7 days'
        group by m.destination
      ) u
    )
  )
$$;
