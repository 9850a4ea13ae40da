-- The interval of a rank: that of the highest band it reaches, as in {"81": "1 day", "61": "2 days", "1": "5 days"};
-- a day where no band says anything. A day is 24 hours, whatever the session's time zone.
create or replace function hourhand_parts.rank_interval(p_bands jsonb, p_rank int)
returns interval
language sql immutable set search_path = ''
as $$
  select coalesce(
    (
      select make_interval(secs => hourhand_parts.seconds(hourhand_parts.duration(b.value))) from jsonb_each(p_bands) b
      where b.key <> 'limit' and b.key::int <= p_rank
      order by b.key::int desc limit 1
    ),
    interval '24 hours'
  )
$$;
