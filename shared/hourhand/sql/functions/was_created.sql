-- Whether a schedule has just been created exactly so: then this is the same call once more, whose answer was lost.
create or replace function hourhand_parts.was_created(p_schedule hourhand.scheduled_jobs, p_given jsonb)
returns boolean
language sql stable set search_path = ''
as $$
  select p_schedule.created_at > hourhand.clock() - interval '1 minute' and exists (
    -- As it was first: a scheduler may have written a time zone into it since.
    select from hourhand_parts.schedule_audit(p_schedule) a
    cross join lateral (select array['id', 'next_run_at', 'last_run_at', 'decided_until', 'last_entry', 'run_count',
      'error', 'revision', 'created_at', 'updated_at'] as names) kept
    where a.action = 'schedule.created'
      and a.after - kept.names = to_jsonb(hourhand_parts.new_schedule(p_given)) - kept.names
  )
$$;
