-- Due runs of negative priority whose turn by age has not come: taken when nothing else is waiting.
create or replace function hourhand_parts.pick_low(p_queues text[], p_tasks text[], p_max int, p_now timestamptz)
returns bigint[]
language sql set search_path = ''
as $$
  select coalesce(array_agg(l.id), '{}')
  from (
    select r.id from hourhand_parts.job_runs_live r
    where r.status = 'pending' and r.concurrency_key is null and r.lost_count = 0 and r.priority < 0
      and r.queue = any(p_queues) and r.task = any(p_tasks)
      and r.claim_at > p_now and r.claim_at <= p_now + interval '6000 seconds' and r.run_at <= p_now
    order by r.claim_at, r.id limit p_max
    for update skip locked
  ) l
$$;
