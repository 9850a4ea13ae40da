-- A schedule as JSON: its columns, with durations in seconds, and how many runs max_runs leaves.
create or replace function hourhand_parts.schedule_json(p_schedule hourhand.scheduled_jobs)
returns jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(p_schedule) || jsonb_build_object(
    'every', hourhand_parts.seconds(p_schedule.every),
    'catch_up_window', hourhand_parts.seconds(p_schedule.catch_up_window),
    'jitter', hourhand_parts.seconds(p_schedule.jitter),
    'start_deadline', hourhand_parts.seconds(p_schedule.start_deadline),
    'timeout', hourhand_parts.seconds(p_schedule.timeout),
    'runs_left', case when p_schedule.max_runs is not null then greatest(p_schedule.max_runs - p_schedule.run_count, 0) end
  )
$$;
