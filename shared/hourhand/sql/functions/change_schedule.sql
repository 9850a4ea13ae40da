-- Changes a schedule, or deletes it when p_changes is null, if nobody has changed it since p_updated_at: 'outcome' is
-- updated, unchanged, deleted, or stale with the schedule as it is now. p_changes is what put_schedule() takes.
create or replace function hourhand.change_schedule(
  p_schedule text, p_changes jsonb default null, p_updated_at timestamptz default null
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
begin
  perform hourhand_parts.require_read_committed();
  if p_updated_at <> v_schedule.updated_at then
    return jsonb_build_object('id', v_schedule.id, 'outcome', 'stale', 'schedule', hourhand_parts.schedule_json(v_schedule));
  elsif p_changes is null then
    return jsonb_build_object(
      'id', v_schedule.id, 'outcome', 'deleted', 'schedule', hourhand.delete_schedule(v_schedule.id::text)
    );
  end if;
  return hourhand.put_schedule(p_changes || jsonb_build_object('name', v_schedule.name), 'update');
end
$$;
