-- Concurrency keys with a due run and a free slot, oldest first. A window of the oldest runs usually has
-- enough of them; behind a saturated key the distinct keys are found by jumping along their index.
create or replace function hourhand_parts.candidate_keys(p_queues text[], p_tasks text[], p_max int, p_now timestamptz)
returns text[]
language plpgsql stable set search_path = ''
as $$
declare
  v_keys text[];
begin
  if not exists (
    select from hourhand_parts.job_runs_live l
    where l.status = 'pending' and l.concurrency_key is not null and l.lost_count = 0
  ) then
    return '{}';
  end if;
  select array_agg(w.concurrency_key order by w.claim_at) into v_keys
  from (
    select l.concurrency_key, min(l.claim_at) as claim_at
    from unnest(p_queues) q(queue)
    cross join unnest(p_tasks) t(task)
    cross join lateral (
      select r.concurrency_key, r.claim_at from hourhand_parts.job_runs_live r
      where r.status = 'pending' and r.concurrency_key is not null and r.lost_count = 0
        and r.queue = q.queue and r.task = t.task and r.claim_at <= p_now and r.run_at <= p_now
      order by r.claim_at, r.id limit 2 * p_max
    ) l
    where not exists (
      select from hourhand_parts.job_runs_live h
      where h.concurrency_key = l.concurrency_key and h.status = 'processing'
    )
    group by l.concurrency_key
    order by 2 limit p_max
  ) w;
  if cardinality(v_keys) > 0 then
    return v_keys;
  end if;
  return array(
    with recursive jump as (
      select min(l.concurrency_key) as key, 1 as n from hourhand_parts.job_runs_live l
      where l.status = 'pending' and l.concurrency_key is not null and l.lost_count = 0
      union all
      select (
        select min(l.concurrency_key) from hourhand_parts.job_runs_live l
        where l.status = 'pending' and l.concurrency_key is not null and l.lost_count = 0
          and l.concurrency_key > jump.key
      ), jump.n + 1
      from jump where jump.key is not null and jump.n < 10000
    )
    select j.key
    from jump j
    -- Order and limit keep these probes of an index: flattened into joins, or expecting to find a row
    -- anywhere soon, they would read every waiting run.
    left join lateral (
      select 1 as held from hourhand_parts.job_runs_live h
      where h.concurrency_key = j.key and h.status = 'processing' limit 1
    ) holder on true
    cross join lateral (
      select from hourhand_parts.job_runs_live l
      where l.concurrency_key = j.key and l.status = 'pending' and l.lost_count = 0
        and l.queue = any(p_queues) and l.task = any(p_tasks) and l.run_at <= p_now
      order by l.claim_at, l.id limit 1
    ) due
    where j.key is not null and holder.held is null
    limit p_max
  );
end
$$;
