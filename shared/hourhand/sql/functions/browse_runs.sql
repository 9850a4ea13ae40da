-- A page of runs for the admin, newest first. p_filter: status (text or list), task, schedule (name or id), queue,
-- trigger, error, since and until (of the time it was planned for), ids, fingerprint, retried (true or false). An error is
-- looked for among failed runs unless a status is given. However rare the runs wanted are, no more than 20 000 are looked at in one
-- call, and 5000 for an error: 'next' goes on from there, and 'searched' is the oldest one looked at where the page is not
-- full.
create or replace function hourhand.browse_runs(
  p_filter jsonb default '{}', p_limit int default 50, p_before bigint default null
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_status text[] := coalesce(
    hourhand_parts.texts_of(p_filter -> 'status'), case when p_filter ->> 'error' is not null then array['failed'] end
  );
  v_ids bigint[] := case when jsonb_typeof(p_filter -> 'ids') = 'array' then hourhand_parts.texts_of(p_filter -> 'ids')::bigint[] end;
  v_since timestamptz := (p_filter ->> 'since')::timestamptz;
  v_until timestamptz := (p_filter ->> 'until')::timestamptz;
  v_error text := hourhand_parts.containing(p_filter ->> 'error');
  v_limit int := least(greatest(p_limit, 1), 1000);
  v_window int := case
    when v_error is not null then 5000 when p_filter ?| array['task', 'queue', 'trigger', 'retried'] then 20000 else v_limit
  end;
  -- Those made later are in the index of those made up.
  v_end bigint := case when v_until is not null then hourhand_parts.first_run_since(v_until + interval '2 minutes') end;
  v_schedule bigint := case when p_filter ->> 'schedule' is not null then (hourhand_parts.read_schedule(p_filter ->> 'schedule')).id end;
  v_rows jsonb;
  v_next bigint;
  v_searched timestamptz;
begin
  if p_filter ->> 'fingerprint' is not null then
    v_ids := array(
      select f.run_id from hourhand_parts.recent_failures() f
      where f.fingerprint = p_filter ->> 'fingerprint' and (v_ids is null or f.run_id = any(v_ids))
    );
  end if;
  with seen as materialized (
    select w.id, w.created_at,
      (p_filter ->> 'task' is null or w.task = p_filter ->> 'task')
      and (p_filter ->> 'queue' is null or w.queue = p_filter ->> 'queue')
      and (p_filter ->> 'trigger' is null or w.trigger = p_filter ->> 'trigger')
      and (v_error is null or w.error ilike v_error)
      and (p_filter ->> 'retried' is null or (p_filter ->> 'retried')::boolean = exists (
        select 1 from hourhand.audit_log a where a.subject = w.id::text and a.action = 'run.retried'
      )) as wanted
    from (
      (
        select * from hourhand.job_runs r
        where (p_before is null or r.id < p_before) and (v_end is null or r.id < v_end)
          and (v_status is null or r.status = any(v_status))
          and (v_ids is null or r.id = any(v_ids))
          and (v_schedule is null or r.schedule_id = v_schedule)
          and (v_since is null or r.run_at >= v_since)
          and (v_until is null or r.run_at < v_until)
        order by r.id desc limit v_window
      ) union all (
        select * from hourhand.job_runs r
        where (p_before is null or r.id < p_before) and r.id >= v_end and r.created_at - r.run_at > interval '1 minute'
          and (v_status is null or r.status = any(v_status))
          and (v_ids is null or r.id = any(v_ids))
          and (v_schedule is null or r.schedule_id = v_schedule)
          and (v_since is null or r.run_at >= v_since)
          and r.run_at < v_until
        order by r.id desc limit v_window
      )
    ) w
    order by w.id desc limit v_window
  ), page as (
    select s.id from seen s where s.wanted order by s.id desc limit v_limit
  )
  select
    (
      select coalesce(jsonb_agg(hourhand_parts.run_row(r) || jsonb_build_object('schedule', (
        select s.name from hourhand.scheduled_jobs s where s.id = r.schedule_id)) order by r.id desc), '[]')
      from hourhand.job_runs r where r.id = any(array(select p.id from page p))
    ),
    l.id, l.created_at
  into v_rows, v_next, v_searched
  from (select 1) one
  left join (select s.id, s.created_at from seen s order by s.id desc offset v_window - 1) l on true;
  if jsonb_array_length(v_rows) = v_limit then
    v_next := v_rows -> -1 -> 'id';
    v_searched := null;
  end if;
  return jsonb_build_object('now', hourhand.clock(), 'runs', v_rows, 'next', v_next, 'searched', v_searched);
end
$$;
