-- Sets a schedule aside with its error; any edit, or resume_schedule(), takes it back.
create or replace function hourhand_parts.quarantine(p_schedule hourhand.scheduled_jobs, p_error text, p_entry bigint)
returns jsonb
language sql set search_path = ''
as $$
  update hourhand.scheduled_jobs set error = left(p_error, 2000), last_entry = p_entry
  where id = p_schedule.id
  returning jsonb_build_object('schedule_id', id, 'outcome', 'quarantined', 'runs', '[]'::jsonb, 'error', error)
$$;
