-- Runs that go on p_factor times as long as the last twenty of their schedule did on average, and for a minute at least.
create or replace function hourhand_parts.slow_problems(p_factor double precision, p_now timestamptz)
returns table (rule text, subject text, summary text, details jsonb)
language sql stable set search_path = ''
as $$
  select 'slow', 'schedule ' || s.name,
    format('run %s of schedule %s goes on for more than %s times its usual %s s', l.id, s.name, p_factor, round(u.mean::numeric, 1)),
    jsonb_build_object('schedule', s.name, 'schedule_id', s.id, 'task', s.task, 'run_id', l.id)
  from hourhand_parts.job_runs_live l
  join hourhand.scheduled_jobs s on s.id = l.schedule_id
  cross join lateral (
    select avg(extract(epoch from r.finished_at - r.started_at)) as mean, count(*) as n
    from (
      select h.started_at, h.finished_at from hourhand_parts.job_runs_history h
      where h.schedule_id = s.id and h.status = 'completed' order by h.id desc limit 20
    ) r
  ) u
  where l.status = 'processing' and l.claimed_at <= p_now - interval '1 minute' and u.n >= 3
    and extract(epoch from p_now - coalesce(l.started_at, l.claimed_at)) > greatest(60, p_factor * u.mean)
    and hourhand_parts.alert_tag(s.tags) is distinct from 'off'
$$;
