-- The answer once more to an entry of fire() that was the last to move its schedule's cursor: told from the ledger.
create or replace function hourhand_parts.fire_again(p_firing jsonb, p_schedule hourhand.scheduled_jobs)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_instants timestamptz[] := array(select (r ->> 'at')::timestamptz from jsonb_array_elements(p_firing -> 'runs') r);
  v_runs jsonb;
begin
  if p_schedule.error is not null then
    return jsonb_build_object(
      'schedule_id', p_schedule.id, 'outcome', 'quarantined', 'runs', '[]'::jsonb, 'error', p_schedule.error);
  end if;
  -- An instant of it that had been decided earlier was not told the first time either.
  with decided as (
    select f.*, rank() over (order by f.decided_at desc) as age from hourhand.schedule_firings f
    where f.schedule_id = p_schedule.id and f.scheduled_for = any(v_instants) and f.decision in ('fired', 'skipped_overlap')
  )
  select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'at', d.scheduled_for, 'decision', d.decision)
    order by d.scheduled_for, r.id), '[]')
  into v_runs
  from decided d
  cross join lateral (
    select d.run_id as id where d.run_id is not null
    union all
    -- Those of a fleet.
    select r.id from hourhand.job_runs r
    where d.run_id is null and r.schedule_id = p_schedule.id and r.scheduled_for = d.scheduled_for and r.item_key is not null
  ) r
  where d.age = 1;
  return jsonb_build_object(
    'schedule_id', p_schedule.id, 'runs', v_runs,
    'outcome', case when p_firing ->> 'next_run_at' is null and v_instants = '{}' then 'planned' else 'fired' end
  );
end
$$;
