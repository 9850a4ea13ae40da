-- How the steps of a sequence ended, in order.
create or replace function hourhand_parts.ended_steps(p_run hourhand.job_runs)
returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', c.id, 'task', s.step ->> 'task', 'status', coalesce(c.status, 'deleted'), 'error', left(c.error, 1000),
    'duration_ms', round(extract(epoch from c.finished_at - c.started_at) * 1000)) order by s.number), '[]')
  from jsonb_array_elements(p_run.payload -> 'steps') with ordinality s(step, number)
  left join hourhand_parts.job_runs_history c
    on c.parent_id = p_run.id and c.unique_key = 'hourhand.step ' || s.number
$$;
