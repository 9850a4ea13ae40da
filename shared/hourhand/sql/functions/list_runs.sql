-- Runs, newest first. p_filter: status (text or list), task, schedule (name or id), queue, since, until, error, ids,
-- parent_id. p_before: the 'next' of the last page.
create or replace function hourhand.list_runs(
  p_filter jsonb default '{}', p_limit int default 50, p_before bigint default null
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_status text[] := hourhand_parts.texts_of(p_filter -> 'status');
  v_ids bigint[] := case when jsonb_typeof(p_filter -> 'ids') = 'array' then hourhand_parts.texts_of(p_filter -> 'ids')::bigint[] end;
  v_schedule bigint := case when p_filter ->> 'schedule' is not null then (hourhand_parts.read_schedule(p_filter ->> 'schedule')).id end;
  v_rows jsonb;
begin
  select coalesce(jsonb_agg(hourhand_parts.run_row(r) || jsonb_build_object('schedule', (
    select s.name from hourhand.scheduled_jobs s where s.id = r.schedule_id)) order by r.id desc), '[]') into v_rows
  from (
    select r.* from hourhand.job_runs r
    where (p_before is null or r.id < p_before)
      and (v_status is null or r.status = any(v_status))
      and (v_ids is null or r.id = any(v_ids))
      and (v_schedule is null or r.schedule_id = v_schedule)
      and (p_filter ->> 'task' is null or r.task = p_filter ->> 'task')
      and (p_filter ->> 'queue' is null or r.queue = p_filter ->> 'queue')
      and (p_filter ->> 'parent_id' is null or r.parent_id = (p_filter ->> 'parent_id')::bigint)
      and (p_filter ->> 'since' is null or r.created_at >= (p_filter ->> 'since')::timestamptz)
      and (p_filter ->> 'until' is null or r.created_at < (p_filter ->> 'until')::timestamptz)
      and (p_filter ->> 'error' is null or r.error ilike hourhand_parts.containing(p_filter ->> 'error'))
    order by r.id desc
    limit p_limit
  ) r;
  return jsonb_build_object(
    'now', hourhand.clock(), 'runs', v_rows,
    'next', case when jsonb_array_length(v_rows) >= p_limit then v_rows -> -1 -> 'id' end
  );
end
$$;
