-- The pairs of queue and task with a run that is due: what sort of runs wait there, and whether the task or the queue
-- has a limit. A lane with a limit is read from its beginning, whatever p_since says: what had to wait for a place
-- is older. Order and limit keep each look a probe of an index: flattened into joins, they would read every run.
create or replace function hourhand_parts.open_lanes(
  p_queues text[], p_tasks text[], p_now timestamptz, p_since timestamptz
)
returns table (
  queue text, task text, since timestamptz, has_free boolean, has_keyed boolean, has_low boolean,
  task_limited boolean, queue_limited boolean
)
language plpgsql set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan
as $$
declare
  -- Mostly there are none, and then no lane is asked.
  v_keyed boolean := exists (
    select from hourhand_parts.job_runs_live r
    where r.status = 'pending' and r.lost_count = 0 and r.concurrency_key is not null
  );
  v_low boolean := exists (
    select from hourhand_parts.job_runs_live r where r.status = 'pending' and r.lost_count = 0 and r.priority < 0
  );
begin
  return query
  select n.queue, n.task, n.since, f.one is not null, k.one is not null, w.one is not null, n.task_limited, n.queue_limited
  from (
    select q.name as queue, t.name as task, c.concurrency is not null as task_limited,
      p.concurrency is not null or p.rate is not null as queue_limited,
      case when c.concurrency is null and p.concurrency is null and p.rate is null then p_since else '-infinity' end as since
    from unnest(p_queues) q(name)
    cross join unnest(p_tasks) t(name)
    left join hourhand.queues p on p.name = q.name
    left join hourhand.tasks c on c.name = t.name
    offset 0
  ) n
  left join lateral (
    select 1 as one from hourhand_parts.job_runs_live r
    where r.status = 'pending' and r.lost_count = 0 and r.concurrency_key is null
      and r.queue = n.queue and r.task = n.task and r.claim_at between n.since and p_now and r.run_at <= p_now
    order by r.claim_at, r.id limit 1
  ) f on true
  left join lateral (
    select 1 as one from hourhand_parts.job_runs_live r
    where v_keyed and r.status = 'pending' and r.lost_count = 0 and r.concurrency_key is not null
      and r.queue = n.queue and r.task = n.task and r.claim_at <= p_now and r.run_at <= p_now
    order by r.claim_at, r.id limit 1
  ) k on true
  left join lateral (
    select 1 as one from hourhand_parts.job_runs_live r
    where v_low and r.status = 'pending' and r.lost_count = 0 and r.priority < 0
      and r.queue = n.queue and r.task = n.task
      and r.claim_at > p_now and r.claim_at <= p_now + interval '6000 seconds' and r.run_at <= p_now
    order by r.claim_at, r.id limit 1
  ) w on true
  where f.one = 1 or k.one = 1 or w.one = 1;
end
$$;
