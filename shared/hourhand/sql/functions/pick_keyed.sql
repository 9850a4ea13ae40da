-- Locks due runs that share a concurrency key, one at a time for each key. The count of what a key
-- holds is taken in a statement that begins after the key's lock is ours: counted in the snapshot of the
-- claim itself, two workers would both see the slot free.
create or replace function hourhand_parts.pick_keyed(p_queues text[], p_tasks text[], p_max int, p_now timestamptz)
returns bigint[]
language plpgsql set search_path = ''
as $$
declare
  v_keys text[] := hourhand_parts.candidate_keys(p_queues, p_tasks, p_max, p_now);
  v_ids bigint[];
begin
  if cardinality(v_keys) = 0 then
    return '{}';
  end if;
  perform pg_advisory_xact_lock(k)
  from (select distinct hourhand_parts.lock_key('key', key) as k from unnest(v_keys) key order by 1) locks;
  select array_agg(l.id) into v_ids
  from unnest(v_keys) k(key)
  cross join lateral (
    select r.id from hourhand_parts.job_runs_live r
    where r.status = 'pending' and r.concurrency_key = k.key and r.lost_count = 0
      and r.queue = any(p_queues) and r.task = any(p_tasks) and r.run_at <= p_now
    order by r.claim_at, r.id limit 1
    for update skip locked
  ) l
  where not exists (
    select from hourhand_parts.job_runs_live h where h.concurrency_key = k.key and h.status = 'processing'
  );
  return coalesce(v_ids, '{}');
end
$$;
