-- Schedules, and tasks run without one, that have failed so many times in a row. Only those that failed within the last
-- hour are looked at, and those that were found before.
create or replace function hourhand_parts.failing_problems(p_failures int, p_now timestamptz)
returns table (rule text, subject text, summary text, details jsonb)
language sql stable set search_path = ''
as $$
  with failed as materialized (
    select distinct h.schedule_id, case when h.schedule_id is null then h.task end as task
    from hourhand_parts.job_runs_history h
    where h.status = 'failed' and h.finished_at > p_now - interval '1 hour' and h.trigger <> 'ping'
    union
    select (a.details ->> 'schedule_id')::bigint, case when a.details ->> 'schedule_id' is null then a.details ->> 'task' end
    from hourhand_parts.alerts a where a.rule = 'failing' and a.closed_at is null
  ), schedules as (
    select s.id, s.name, s.task, l.run_id, l.error, w.failures
    from failed f
    join hourhand.scheduled_jobs s on s.id = f.schedule_id
    cross join lateral (
      select coalesce(hourhand_parts.alert_tag(s.tags)::int, p_failures) as failures
      where hourhand_parts.alert_tag(s.tags) is distinct from 'off'
    ) w
    cross join lateral (
      select count(*) filter (where r.status = 'failed') as n, (array_agg(r.id order by r.id desc))[1] as run_id,
        (array_agg(r.error order by r.id desc))[1] as error
      from (
        select h.id, h.status, h.error from hourhand_parts.job_runs_history h
        where h.schedule_id = s.id and h.status in ('completed', 'failed') order by h.id desc limit w.failures
      ) r
    ) l
    where l.n >= w.failures
  ), tasks as (
    select f.task, l.run_id, l.error
    from failed f
    cross join lateral (
      select count(*) as n, min(r.finished_at) as since, (array_agg(r.id order by r.finished_at desc))[1] as run_id,
        (array_agg(r.error order by r.finished_at desc))[1] as error
      from (
        select h.id, h.finished_at, h.error from hourhand_parts.job_runs_history h
        where h.status = 'failed' and h.task = f.task and h.schedule_id is null order by h.id desc limit p_failures
      ) r
    ) l
    where f.task is not null and l.n >= p_failures and not exists (
      select from hourhand_parts.job_runs_history h
      where h.status = 'completed' and h.task = f.task and h.schedule_id is null and h.finished_at >= l.since
    )
  )
  select 'failing', 'schedule ' || s.name,
    format('schedule %s has failed %s in a row: %s', s.name,
      case s.failures when 1 then 'once' else s.failures || ' times' end, left(coalesce(s.error, 'no error was given'), 300)),
    jsonb_build_object('schedule', s.name, 'schedule_id', s.id, 'task', s.task, 'run_id', s.run_id)
  from schedules s
  union all
  select 'failing', 'task ' || t.task,
    format('task %s has failed %s times in a row: %s', t.task, p_failures, left(coalesce(t.error, 'no error was given'), 300)),
    jsonb_build_object('task', t.task, 'run_id', t.run_id)
  from tasks t
$$;
