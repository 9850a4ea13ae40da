-- Active again, from the next instant after now on; a quarantined schedule is tried again.
create or replace function hourhand.resume_schedule(p_schedule text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
begin
  perform hourhand_parts.require_read_committed();
  update hourhand.scheduled_jobs
  set is_active = true, paused_until = null, pause_note = null, error = null,
      next_run_at = case when v_schedule.error is null then next_run_at end
  where id = v_schedule.id
  returning * into v_schedule;
  return hourhand_parts.schedule_json(v_schedule);
end
$$;
