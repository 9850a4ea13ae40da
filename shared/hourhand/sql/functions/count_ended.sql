-- What ended in a stretch of time, added up: runs by task and status, their seconds, how long they had waited, attempts
-- that did not complete, and decisions of the ledger. Tasks nobody has registered are one: labels must stay few.
-- A stretch of the ledger that may still grow counts as one.
create or replace function hourhand_parts.count_ended(p_after timestamptz, p_until timestamptz)
returns table (metric text, labels text[], value double precision)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  with runs as materialized (
    select coalesce(t.name, '(unknown)') as task, h.queue, h.status, count(*)::double precision as n,
      sum(extract(epoch from h.finished_at - h.started_at)) filter (where h.started_at is not null) as seconds,
      sum(w.wait) as wait, hourhand_parts.wait_bucket(w.wait) as bucket
    from hourhand_parts.job_runs_history h
    left join hourhand.tasks t on t.name = h.task
    cross join lateral (
      select greatest(extract(epoch from h.claimed_at - greatest(h.run_at, h.created_at)), 0)::double precision as wait
      where h.claimed_at is not null
      union all select null where h.claimed_at is null
    ) w
    where h.finished_at > p_after and h.finished_at <= p_until
    group by 1, 2, 3, 7
  ), firings as materialized (
    select f.decision, sum(case when f.decision in ('paused', 'excluded') then 1 else f.count end)::double precision as n,
      hourhand_parts.wait_bucket(f.lag_ms / 1000.0) as bucket, sum(f.lag_ms / 1000.0)::double precision as lag
    from hourhand.schedule_firings f
    where f.decided_at > p_after and f.decided_at <= p_until
    group by 1, 3
  )
  select 'runs', array[r.task, r.status], sum(r.n) from runs r group by 2
  union all
  select 'run_seconds', array[r.task], sum(r.seconds)::double precision from runs r where r.seconds is not null group by 2
  union all
  select 'wait', array[r.queue, r.bucket], sum(r.n) from runs r where r.bucket is not null group by 2
  union all
  select 'wait_seconds', array[r.queue], sum(r.wait) from runs r where r.bucket is not null group by 2
  union all
  select 'firings', array[f.decision], sum(f.n) from firings f group by 2
  union all
  select 'lag', array[f.bucket], sum(f.n) from firings f where f.decision = 'fired' and f.bucket is not null group by 2
  union all
  select 'lag_seconds', '{}', sum(f.lag) from firings f
  where f.decision = 'fired' and f.bucket is not null having count(*) > 0
  union all
  select 'attempts', array[a.outcome], count(*)::double precision from hourhand.job_run_attempts a
  where a.ended_at > p_after and a.ended_at <= p_until group by 2;
end
$$;
