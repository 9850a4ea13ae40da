-- Concurrency keys with a due run in these lanes and a free place, oldest first. A window of the oldest runs usually
-- shows enough of them; when it is full of saturated keys, the distinct keys are found by jumping along their index.
-- Only a first look, without locks.
create or replace function hourhand_parts.candidate_keys(p_queues text[], p_tasks text[], p_max int, p_now timestamptz)
returns text[]
language plpgsql set search_path = '' set enable_seqscan = off
as $$
declare
  v_keys text[];
  v_read bigint;
begin
  -- Order and limit keep the looks probes of an index: flattened into joins, or expecting to find a row anywhere
  -- soon, they would read every waiting run.
  select coalesce(array_agg(f.key order by f.claim_at) filter (where f.has_place and f.place <= p_max), '{}'), sum(f.n)
  into v_keys, v_read
  from (
    select g.key, min(g.claim_at) as claim_at, bool_or(g.held is null) as has_place, sum(g.n) as n,
      row_number() over (order by bool_or(g.held is null) desc, min(g.claim_at)) as place
    from (
      select w.key, w.claim_at, w.n, h.one as held
      from (
        select l.key, lane.task, min(l.claim_at) as claim_at, count(*) as n
        from unnest(p_queues, p_tasks) lane(queue, task)
        cross join lateral (
          (
            select r.concurrency_key as key, r.claim_at from hourhand_parts.job_runs_live r
            where r.status = 'pending' and r.lost_count = 0 and r.concurrency_key is not null
              and r.queue = lane.queue and r.task = lane.task and r.claim_at <= p_now and r.run_at <= p_now
            order by r.claim_at, r.id limit 2 * p_max
          )
          union all
          (
            select r.concurrency_key, r.claim_at from hourhand_parts.job_runs_live r
            where r.status = 'pending' and r.lost_count = 0 and r.priority < 0
              and r.queue = lane.queue and r.task = lane.task
              and r.claim_at > p_now and r.claim_at <= p_now + interval '6000 seconds' and r.run_at <= p_now
            order by r.claim_at, r.id limit 2 * p_max
          )
        ) l
        where l.key is not null
        group by l.key, lane.task
      ) w
      left join hourhand.tasks t on t.name = w.task
      left join lateral (
        select 1 as one from hourhand_parts.job_runs_live h
        where h.concurrency_key = w.key and h.status = 'processing'
        order by h.concurrency_key offset hourhand_parts.key_limit(w.key, t.key_concurrency) - 1 limit 1
      ) h on true
    ) g
    group by g.key
  ) f;
  if cardinality(v_keys) >= p_max or v_read is null or v_read < 2 * p_max then
    return v_keys;
  end if;
  return array(
    with recursive jump as (
      (
        select r.concurrency_key as key, 1 as n from hourhand_parts.job_runs_live r
        where r.status = 'pending' and r.concurrency_key is not null and r.lost_count = 0
        order by r.concurrency_key limit 1
      )
      union all
      select (
        select r.concurrency_key from hourhand_parts.job_runs_live r
        where r.status = 'pending' and r.concurrency_key is not null and r.lost_count = 0
          and r.concurrency_key > jump.key
        order by r.concurrency_key limit 1
      ), jump.n + 1
      from jump where jump.key is not null and jump.n < 10000
    )
    select j.key
    from jump j
    cross join lateral (
      select r.task, r.claim_at from hourhand_parts.job_runs_live r
      where r.concurrency_key = j.key and r.status = 'pending' and r.lost_count = 0
        and r.queue = any(p_queues) and r.task = any(p_tasks) and r.claim_at <= p_now and r.run_at <= p_now
      order by r.claim_at, r.id limit 1
    ) due
    left join hourhand.tasks t on t.name = due.task
    left join lateral (
      select 1 as one from hourhand_parts.job_runs_live h
      where h.concurrency_key = j.key and h.status = 'processing'
      order by h.concurrency_key offset hourhand_parts.key_limit(j.key, t.key_concurrency) - 1 limit 1
    ) h on true
    where j.key is not null and h.one is null
    order by due.claim_at limit p_max
  );
end
$$;
