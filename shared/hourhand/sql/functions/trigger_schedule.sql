-- Runs a schedule's task now, whatever its timing and policies. Repeated with the same p_request_id it
-- answers the run it made before.
create or replace function hourhand.trigger_schedule(
  p_schedule text, p_payload jsonb default null, p_request_id uuid default null,
  p_trace_context text default null
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
  v_answer jsonb;
begin
  perform hourhand_parts.require_read_committed();
  if v_schedule.rank_intervals is not null and p_payload is null then
    raise exception 'schedule "%" is a fleet: its items run, each when it is due', v_schedule.name
      using errcode = 'PT422', hint = format('Make one due now: `hourhand fleet set %s ITEM --due now`.', v_schedule.name);
  end if;
  v_answer := hourhand_parts.insert_run(
    hourhand_parts.schedule_job(v_schedule) || jsonb_build_object(
      'payload', coalesce(p_payload, v_schedule.payload), 'trigger', 'manual', 'key_scope', 'hourhand.trigger',
      'key', p_request_id || ':' || v_schedule.id, 'trace_context', p_trace_context
    ),
    v_now
  );
  perform hourhand_parts.audit('schedule.triggered', v_schedule.name, null, v_answer)
  where v_answer ->> 'outcome' = 'created';
  perform pg_notify('hourhand_runs', '');
  return v_answer;
end
$$;
