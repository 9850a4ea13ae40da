-- The instants that backfill() is given, with what is said about the time around each.
create or replace function hourhand_parts.instants_of(p_instants jsonb)
returns table (at timestamptz, around jsonb)
language sql stable set search_path = ''
as $$
  select distinct on (1) coalesce(i ->> 'at', i #>> '{}')::timestamptz, i from jsonb_array_elements(p_instants) i
$$;
