-- What every run of a schedule has in common, in the form that insert_run takes.
create or replace function hourhand_parts.schedule_job(p_schedule hourhand.scheduled_jobs)
returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object(
    'task', p_schedule.task, 'payload', p_schedule.payload, 'queue', p_schedule.queue, 'priority', p_schedule.priority,
    'max_attempts', p_schedule.max_attempts, 'timeout', hourhand_parts.seconds(p_schedule.timeout),
    'schedule_id', p_schedule.id,
    'concurrency_key', hourhand_parts.serial_key(p_schedule, false)
  )
$$;
