-- Whatever creates or ends a run of a schedule locks the schedule's row first, in id order.
create or replace function hourhand_parts.lock_schedules(p_run_ids bigint[])
returns void
language plpgsql set search_path = ''
as $$
begin
  perform from hourhand.scheduled_jobs s
  where s.id = any(array(
    select l.schedule_id from hourhand_parts.job_runs_live l where l.id = any(p_run_ids) and l.schedule_id is not null
  ))
  order by s.id
  for no key update;
end
$$;
