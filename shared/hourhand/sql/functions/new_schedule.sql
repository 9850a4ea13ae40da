-- A schedule as put_schedule() would create it: what is not given has its default. What the schedule becomes in the
-- course of time is null.
create or replace function hourhand_parts.new_schedule(p_given jsonb)
returns hourhand.scheduled_jobs
language sql stable set search_path = ''
as $$
  select jsonb_populate_record(
    null::hourhand.scheduled_jobs,
    '{"payload": {}, "priority": 0, "dst_gap": "run_after", "dst_overlap": "first", "catch_up": "last", "catch_up_limit": 100,
      "overlap": "skip", "is_active": true, "tags": []}'::jsonb || jsonb_strip_nulls(p_given - 'payload')
      || case when p_given -> 'payload' is null then '{}' else jsonb_build_object('payload', p_given -> 'payload') end
  )
$$;
