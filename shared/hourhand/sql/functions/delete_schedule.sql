-- Deletes a schedule. Its runs and its ledger stay until retention takes them.
create or replace function hourhand.delete_schedule(p_schedule text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
begin
  perform hourhand_parts.require_read_committed();
  delete from hourhand.scheduled_jobs where id = v_schedule.id;
  return hourhand_parts.schedule_json(v_schedule);
end
$$;
