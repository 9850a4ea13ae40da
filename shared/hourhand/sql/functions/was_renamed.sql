-- Whether a schedule has just got its name instead of this one.
create or replace function hourhand_parts.was_renamed(p_schedule hourhand.scheduled_jobs, p_from text)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from hourhand_parts.schedule_audit(p_schedule) a
    where a.action = 'schedule.changed' and a.at > hourhand.clock() - interval '1 minute'
      and a.before ->> 'name' = p_from and a.after ->> 'name' = p_schedule.name
  )
$$;
