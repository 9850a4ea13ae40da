-- The due runs at the head of these lanes, at most p_depth of each and no more than it has room for, and those of these keys that have a place; the
-- keys' locks are held. In no order, and nothing is locked. lane is null for a run that is to be locked by its id.
create or replace function hourhand_parts.due_runs(
  p_queues text[], p_tasks text[], p_since timestamptz[], p_rooms bigint[], p_low boolean, p_keys text[], p_depth int, p_now timestamptz
)
returns table (lane int, queue text, task text, claim_at timestamptz, id bigint)
language plpgsql set search_path = '' set enable_seqscan = off
as $$
begin
  return query
  select b.n::int, b.queue, b.task, l.claim_at, l.id
  from unnest(p_queues, p_tasks, p_since, p_rooms) with ordinality b(queue, task, since, room, n)
  cross join lateral (
    select r.claim_at, r.id from hourhand_parts.job_runs_live r
    where r.status = 'pending' and r.lost_count = 0 and r.concurrency_key is null
      and r.queue = b.queue and r.task = b.task and r.claim_at between b.since and p_now and r.run_at <= p_now
    order by r.claim_at, r.id limit least(p_depth, b.room)
  ) l;
  if p_low then
    -- Negative priorities whose turn by age has not come: they follow everything else.
    return query
    select null::int, b.queue, b.task, l.claim_at, l.id
    from unnest(p_queues, p_tasks, p_rooms) b(queue, task, room)
    cross join lateral (
      select r.claim_at, r.id from hourhand_parts.job_runs_live r
      where r.status = 'pending' and r.lost_count = 0 and r.priority < 0 and r.concurrency_key is null
        and r.queue = b.queue and r.task = b.task
        and r.claim_at > p_now and r.claim_at <= p_now + interval '6000 seconds' and r.run_at <= p_now
      order by r.claim_at, r.id limit least(p_depth, b.room)
    ) l;
  end if;
  if cardinality(p_keys) > 0 then
    return query
    select null::int, l.queue, l.task, l.claim_at, l.id
    from unnest(p_keys) k(key)
    cross join lateral (
      select count(*) as n from hourhand_parts.job_runs_live h
      where h.concurrency_key = k.key and h.status = 'processing'
    ) held
    cross join lateral (
      select w.*, row_number() over (order by w.claim_at, w.id) + held.n as place
      from (
        select r.queue, r.task, r.claim_at, r.id from hourhand_parts.job_runs_live r
        where r.status = 'pending' and r.lost_count = 0 and r.concurrency_key = k.key
          and r.queue = any(p_queues) and r.task = any(p_tasks) and r.run_at <= p_now
        order by r.claim_at, r.id
        limit (select max(t.key_concurrency) from hourhand.tasks t)
      ) w
    ) l
    left join hourhand.tasks t on t.name = l.task
    where l.place <= hourhand_parts.key_limit(k.key, t.key_concurrency);
  end if;
end
$$;
