-- Takes the locks of concurrency keys, tasks and queues, in the one order that everybody keeps; blocking, so that
-- slots get filled. A claim takes all of its locks by one call, and holds no lock of a run yet.
create or replace function hourhand_parts.take_locks(p_keys text[], p_tasks text[], p_queues text[])
returns void
language sql set search_path = ''
as $$
  select pg_advisory_xact_lock(l.lock)
  from (
    select hourhand_parts.lock_key('key', k) as lock from unnest(p_keys) k
    union select hourhand_parts.lock_key('task', t) from unnest(p_tasks) t
    union select hourhand_parts.lock_key('queue', q) from unnest(p_queues) q
    order by 1
  ) l
$$;
