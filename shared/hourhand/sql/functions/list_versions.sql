-- What a schedule was, newest first: who changed it when, and how it was before and after. 'more' is the p_before of the
-- next call.
create or replace function hourhand.list_versions(p_schedule text, p_limit int default 50, p_before bigint default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_schedule hourhand.scheduled_jobs := hourhand_parts.read_schedule(p_schedule);
  v_rows jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', a.id, 'at', a.at, 'actor', a.actor, 'action', a.action,
    'before', case when a.before is not null then
      hourhand_parts.schedule_json(jsonb_populate_record(null::hourhand.scheduled_jobs, a.before)) end,
    'after', hourhand_parts.schedule_json(jsonb_populate_record(null::hourhand.scheduled_jobs, a.after))
  ) order by a.id desc), '[]')
  into v_rows
  from (
    select * from hourhand_parts.schedule_audit(v_schedule) a
    where p_before is null or a.id < p_before
    order by a.id desc limit p_limit
  ) a;
  return jsonb_build_object(
    'now', hourhand.clock(), 'schedule', hourhand_parts.schedule_json(v_schedule), 'versions', v_rows,
    'more', case when jsonb_array_length(v_rows) >= p_limit then v_rows -> -1 -> 'id' end
  );
end
$$;
