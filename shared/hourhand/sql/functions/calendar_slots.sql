-- The local hours or days (p_unit) of a time, each with the instants between which the clocks of a zone show it. One that
-- they skip is empty.
create or replace function hourhand_parts.calendar_slots(p_from timestamptz, p_until timestamptz, p_unit text, p_zone text)
returns table (at timestamp, since timestamptz, until timestamptz)
language sql stable set search_path = ''
as $$
  select s.at, greatest(s.since, p_from), least(lead(s.since) over (order by s.at), p_until)
  from (
    select l.at, case
        when date_trunc(p_unit, f.first at time zone p_zone) = l.at then least(f.first, l.at at time zone p_zone)
        else l.at at time zone p_zone
      end as since
    from generate_series(
      date_trunc(p_unit, p_from at time zone p_zone), (p_until - interval '1 microsecond') at time zone p_zone,
      case p_unit when 'hour' then interval '1 hour' else interval '1 day' end
    ) l(at)
    -- A local time that is there twice, Postgres takes for the second; this is the first.
    cross join lateral (select (l.at - interval '1 hour') at time zone p_zone + interval '1 hour' as first) f
  ) s
$$;
