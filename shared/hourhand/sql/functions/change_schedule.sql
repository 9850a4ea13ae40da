-- Changes a schedule, or deletes it when p_changes is null, if nobody has changed it since p_updated_at: 'outcome' is
-- updated, unchanged (as also when the same call is repeated), deleted, or stale with the schedule as it is now. p_changes
-- is what put_schedule() takes.
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
  if p_changes is not null then
    return hourhand.put_schedule(
      p_changes || jsonb_build_object('name', v_schedule.name, 'updated_at', p_updated_at), 'update'
    );
  elsif p_updated_at <> v_schedule.updated_at then
    raise exception using errcode = 'PT409';
  end if;
  return jsonb_build_object(
    'id', v_schedule.id, 'outcome', 'deleted', 'schedule', hourhand.delete_schedule(v_schedule.name)
  );
exception when sqlstate 'PT409' then
  if p_updated_at <> v_schedule.updated_at then
    return jsonb_build_object('id', v_schedule.id, 'outcome', 'stale', 'schedule', hourhand_parts.schedule_json(v_schedule));
  end if;
  raise;
end
$$;
