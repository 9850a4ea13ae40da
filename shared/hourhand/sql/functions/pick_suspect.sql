-- The oldest due run whose worker was lost before and whose concurrency key looks free. It is claimed alone,
-- so that a task that kills its worker takes no neighbour along. Nothing is locked yet.
create or replace function hourhand_parts.pick_suspect(p_queues text[], p_tasks text[], p_now timestamptz)
returns table (id bigint, claim_at timestamptz)
language plpgsql stable set search_path = '' set enable_seqscan = off
as $$
begin
  return query
  select l.id, l.claim_at
  from hourhand_parts.job_runs_live l
  left join hourhand.tasks t on t.name = l.task
  where l.status = 'pending' and l.lost_count > 0 and l.run_at <= p_now
    and l.queue = any(p_queues) and l.task = any(p_tasks)
    and (l.concurrency_key is null or hourhand_parts.key_limit(l.concurrency_key, t.key_concurrency) > (
      select count(*) from hourhand_parts.job_runs_live h
      where h.concurrency_key = l.concurrency_key and h.status = 'processing'
    ))
  order by l.claim_at, l.id
  limit 1;
end
$$;
