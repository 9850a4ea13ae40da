-- A page of runs for the admin, newest first. p_filter: status (text or list), task, schedule (name or id), queue,
-- trigger, error, since and until (of the time it was planned for), ids, fingerprint. An error is looked for among
-- failed runs unless a status is given. However rare the runs wanted are, no more than 20 000 are looked at in one
-- call: 'next' goes on from there, and 'searched' is the oldest one looked at where the page is not full.
create or replace function hourhand.browse_runs(
  p_filter jsonb default '{}', p_limit int default 50, p_before bigint default null
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_window constant int := 20000;
  v_status text[] := case jsonb_typeof(p_filter -> 'status')
    when 'string' then array[p_filter ->> 'status']
    when 'array' then array(select jsonb_array_elements_text(p_filter -> 'status'))
    else case when p_filter ->> 'error' is not null then array['failed'] end
  end;
  v_ids bigint[] := case when jsonb_typeof(p_filter -> 'ids') = 'array' then
    array(select (i #>> '{}')::bigint from jsonb_array_elements(p_filter -> 'ids') i) end;
  v_since timestamptz := (p_filter ->> 'since')::timestamptz;
  v_until timestamptz := (p_filter ->> 'until')::timestamptz;
  -- A text to be found as it stands: % and _ are characters like others.
  v_error text := '%' || replace(replace(replace(p_filter ->> 'error', '\', '\\'), '%', '\%'), '_', '\_') || '%';
  v_limit int := least(greatest(p_limit, 1), 1000);
  v_schedule bigint;
  v_rows jsonb;
  v_next bigint;
begin
  if p_filter ->> 'schedule' is not null then
    select s.id into v_schedule from hourhand.scheduled_jobs s
    where s.name = p_filter ->> 'schedule' or s.id::text = p_filter ->> 'schedule'
    order by (s.name = p_filter ->> 'schedule') desc limit 1;
    if not found then
      raise exception 'there is no schedule "%"', hourhand_parts.shown(p_filter ->> 'schedule')
        using errcode = 'PT404', hint = 'See `hourhand schedule list`.';
    end if;
  end if;
  if p_filter ->> 'fingerprint' is not null then
    v_ids := array(
      select f.run_id from hourhand_parts.recent_failures() f
      where f.fingerprint = p_filter ->> 'fingerprint' and (v_ids is null or f.run_id = any(v_ids))
    );
  end if;
  select coalesce(jsonb_agg(hourhand_parts.run_row(r) || jsonb_build_object('schedule', (
    select s.name from hourhand.scheduled_jobs s where s.id = r.schedule_id)) order by r.id desc), '[]') into v_rows
  from (
    select w.* from (
      select r.* from hourhand.job_runs r
      where (p_before is null or r.id < p_before)
        and (v_status is null or r.status = any(v_status))
        and (v_ids is null or r.id = any(v_ids))
        and (v_schedule is null or r.schedule_id = v_schedule)
        and (v_since is null or r.run_at >= v_since)
        and (v_until is null or r.run_at < v_until)
      order by r.id desc limit v_window
    ) w
    where (p_filter ->> 'task' is null or w.task = p_filter ->> 'task')
      and (p_filter ->> 'queue' is null or w.queue = p_filter ->> 'queue')
      and (p_filter ->> 'trigger' is null or w.trigger = p_filter ->> 'trigger')
      and (p_filter ->> 'error' is null or w.error ilike v_error)
    order by w.id desc limit v_limit
  ) r;
  if jsonb_array_length(v_rows) = v_limit then
    return jsonb_build_object(
      'now', hourhand.clock(), 'runs', v_rows, 'next', v_rows -> -1 -> 'id', 'searched', null);
  end if;
  if p_filter ?| array['task', 'queue', 'trigger', 'error'] then
    select r.id into v_next from hourhand.job_runs r
    where (p_before is null or r.id < p_before)
      and (v_status is null or r.status = any(v_status))
      and (v_ids is null or r.id = any(v_ids))
      and (v_schedule is null or r.schedule_id = v_schedule)
      and (v_since is null or r.run_at >= v_since)
      and (v_until is null or r.run_at < v_until)
    order by r.id desc offset v_window - 1 limit 1;
  end if;
  return jsonb_build_object(
    'now', hourhand.clock(), 'runs', v_rows, 'next', v_next,
    'searched', (select r.created_at from hourhand.job_runs r where r.id = v_next));
end
$$;
