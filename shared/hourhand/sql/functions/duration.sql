-- A duration given in JSON: a number of seconds, or an interval's text.
create or replace function hourhand_parts.duration(p_value jsonb)
returns interval
language sql immutable parallel safe set search_path = ''
as $$
  select case jsonb_typeof(p_value)
    when 'number' then make_interval(secs => (p_value #>> '{}')::double precision)
    when 'string' then (p_value #>> '{}')::interval
  end
$$;
