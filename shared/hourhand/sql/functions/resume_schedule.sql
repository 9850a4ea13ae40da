-- Active again, from the next instant after now on; like any edit it takes back a schedule that was set aside.
create or replace function hourhand.resume_schedule(p_schedule text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
begin
  perform hourhand_parts.require_read_committed();
  update hourhand.scheduled_jobs
  set is_active = true, paused_until = null, pause_note = null
  where id = v_schedule.id
  returning * into v_schedule;
  return hourhand_parts.schedule_json(v_schedule);
end
$$;
