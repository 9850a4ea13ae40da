-- When the next token comes to a queue whose bucket is empty while a run waits for it.
create or replace function hourhand_parts.next_token(p_queues jsonb, p_tasks text[], p_now timestamptz)
returns timestamptz
language plpgsql stable set search_path = '' set enable_seqscan = off
as $$
begin
  if not exists (select from hourhand.queues q where q.rate is not null) then
    return null;
  end if;
  return (
    select min(p_now + make_interval(secs => ceil((1 - b.tokens) / q.rate::numeric * 1000000)::double precision / 1000000))
    from hourhand.queues q
    cross join lateral (select hourhand_parts.queue_tokens(q, p_now) as tokens) b
    where (p_queues is null or p_queues ? q.name) and q.paused_at is null and b.tokens < 1
      and exists (
        select from unnest(p_tasks) t(name)
        cross join lateral (
          (select 1 from hourhand_parts.job_runs_live r
          where r.status = 'pending' and r.concurrency_key is null and r.lost_count = 0
            and r.queue = q.name and r.task = t.name and r.claim_at <= p_now and r.run_at <= p_now
          order by r.claim_at, r.id limit 1)
          union all
          (select 1 from hourhand_parts.job_runs_live r
          where r.status = 'pending' and r.concurrency_key is not null and r.lost_count = 0
            and r.queue = q.name and r.task = t.name and r.claim_at <= p_now and r.run_at <= p_now
          order by r.claim_at, r.id limit 1)
        ) waiting
      )
  );
end
$$;
