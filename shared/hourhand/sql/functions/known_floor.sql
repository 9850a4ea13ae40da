-- The floor that a worker brings along, if it still holds; no worker can make it hold for long.
create or replace function hourhand_parts.known_floor(p_floor jsonb, p_now timestamptz)
returns jsonb
language sql immutable set search_path = ''
as $$
  select p_floor
  where (p_floor ->> 'until')::timestamptz > p_now and (p_floor ->> 'until')::timestamptz <= p_now + interval '10 seconds'
    and (p_floor ->> 'claim_at')::timestamptz <= p_now
$$;
