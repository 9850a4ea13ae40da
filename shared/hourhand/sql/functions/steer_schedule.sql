-- One of steer_schedules(), which has locked it. A request that is repeated triggers nothing twice.
create or replace function hourhand_parts.steer_schedule(
  p_schedule hourhand.scheduled_jobs, p_action text, p_note text, p_request_id uuid, p_now timestamptz
)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_run jsonb;
begin
  case p_action
    when 'pause' then
      perform hourhand.pause_schedule(p_schedule.name, null, p_note);
    when 'resume' then
      perform hourhand.resume_schedule(p_schedule.name);
    else
      v_run := hourhand_parts.insert_run(
        hourhand_parts.schedule_job(p_schedule) || jsonb_build_object(
          'payload', p_schedule.payload, 'trigger', 'manual', 'key_scope', 'hourhand.trigger',
          'key', p_request_id || ':' || p_schedule.id
        ),
        p_now
      );
      perform hourhand_parts.audit('schedule.triggered', p_schedule.name, null, v_run)
      where v_run ->> 'outcome' = 'created';
  end case;
end
$$;
