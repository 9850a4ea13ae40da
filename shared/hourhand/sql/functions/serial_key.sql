-- The concurrency key of a schedule's runs; p_alone: no two of this schedule may go on at once. Sleepers share one.
create or replace function hourhand_parts.serial_key(p_schedule hourhand.scheduled_jobs, p_alone boolean)
returns text
language sql immutable set search_path = ''
as $$
  select case when p_schedule.profile = 'sleeper' then 'hourhand.sleeper' when p_alone then 'schedule:' || p_schedule.id end
$$;
