-- Where the next claim of a worker may begin, when the last one had to walk past many dead entries; else null.
-- What appears below the floor (rescued, of high priority, committed late) is found when the floor is dropped, in
-- 1 to 10 seconds: the longer, the more a walk from the beginning costs. What commits within a quarter of a second
-- is never below it.
create or replace function hourhand_parts.next_floor(
  p_floor jsonb, p_dead bigint, p_queues text[], p_upto timestamptz, p_now timestamptz
)
returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object(
    'claim_at', least(p_upto, p_now - interval '250 milliseconds'),
    'until', coalesce(
      (p_floor ->> 'until')::timestamptz, p_now + least(greatest(p_dead * interval '20 microseconds', interval '1 second'), interval '10 seconds')
    ),
    'queues', coalesce(p_floor -> 'queues', to_jsonb(p_queues))
  )
$$;
