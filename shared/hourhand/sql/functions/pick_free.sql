-- Locks the first p_max due runs without a concurrency key. A first look, without locks, says how many
-- each (queue, task) will give, so that no more rows are locked than taken; the second locks so many in
-- each branch, walking on past what others hold.
create or replace function hourhand_parts.pick_free(p_queues text[], p_tasks text[], p_max int, p_now timestamptz)
returns bigint[]
language plpgsql set search_path = ''
as $$
declare
  v_queues text[] := p_queues;
  v_tasks text[] := p_tasks;
  v_limits int[] := array[p_max];
  v_ids bigint[];
begin
  if cardinality(p_queues) * cardinality(p_tasks) > 1 then
    select array_agg(w.queue), array_agg(w.task), array_agg(w.n) into v_queues, v_tasks, v_limits
    from (
      select c.queue, c.task, count(*)::int as n
      from (
        select q.queue, t.task, l.claim_at, l.id
        from unnest(p_queues) q(queue)
        cross join unnest(p_tasks) t(task)
        cross join lateral (
          select r.claim_at, r.id from hourhand_parts.job_runs_live r
          where r.status = 'pending' and r.concurrency_key is null and r.lost_count = 0
            and r.queue = q.queue and r.task = t.task and r.claim_at <= p_now and r.run_at <= p_now
          order by r.claim_at, r.id limit p_max
        ) l
        order by l.claim_at, l.id limit p_max
      ) c
      group by c.queue, c.task
    ) w;
  end if;
  select array_agg(l.id) into v_ids
  from unnest(v_queues, v_tasks, v_limits) b(queue, task, n)
  cross join lateral (
    select r.id from hourhand_parts.job_runs_live r
    where r.status = 'pending' and r.concurrency_key is null and r.lost_count = 0
      and r.queue = b.queue and r.task = b.task and r.claim_at <= p_now and r.run_at <= p_now
    order by r.claim_at, r.id limit b.n
    for update skip locked
  ) l;
  return coalesce(v_ids, '{}');
end
$$;
