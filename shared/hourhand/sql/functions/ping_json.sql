-- A ping as JSON, with durations in seconds.
create or replace function hourhand_parts.ping_json(p_ping hourhand_parts.pings)
returns jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(p_ping) || jsonb_build_object(
    'every', hourhand_parts.seconds(p_ping.every), 'grace', hourhand_parts.seconds(p_ping.grace),
    'expected_at', coalesce(p_ping.pinged_at, p_ping.created_at) + p_ping.every,
    'state', case
      when p_ping.failed then 'failed'
      when coalesce(p_ping.pinged_at, p_ping.created_at) + p_ping.every + p_ping.grace <= hourhand.clock() then 'missing'
      when p_ping.pinged_at is null then 'new' else 'up'
    end
  )
$$;
