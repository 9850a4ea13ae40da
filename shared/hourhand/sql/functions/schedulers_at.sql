-- Whether a scheduler was alive at a time, when the last one before was seen, and when the next one started.
create or replace function hourhand_parts.schedulers_at(p_at timestamptz, p_now timestamptz)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'alive', coalesce(bool_or(s.started_at <= p_at and s.seen_until >= p_at), false),
    'last_seen', max(s.seen_until) filter (where s.seen_until < p_at),
    'next_start', min(s.started_at) filter (where s.started_at > p_at),
    'alive_now', coalesce(bool_or(s.seen_until = 'infinity'), false)
  )
  from (
    select v.started_at, case
      when v.state = 'open' and v.lease_until > p_now then 'infinity'
      when v.state = 'closed' then v.ended_at
      else v.beat_at
    end as seen_until
    from hourhand.services v where v.kind = 'scheduler'
  ) s
$$;
