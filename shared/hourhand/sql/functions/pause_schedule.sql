-- No firing until p_until, or for good until resume_schedule().
create or replace function hourhand.pause_schedule(
  p_schedule text, p_until timestamptz default null, p_note text default null
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
begin
  perform hourhand_parts.require_read_committed();
  -- Unless it is the same call once more.
  if p_until <= hourhand.clock() and p_until is distinct from v_schedule.paused_until then
    raise exception 'a pause until % would be over already', p_until using errcode = 'PT422',
      hint = 'Give a time to come, or none to pause it for good.';
  end if;
  update hourhand.scheduled_jobs
  set is_active = p_until is not null, paused_until = p_until, pause_note = p_note
  where id = v_schedule.id
  returning * into v_schedule;
  return hourhand_parts.schedule_json(v_schedule);
end
$$;
