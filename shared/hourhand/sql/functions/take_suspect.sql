-- Locks a suspect run, unless another claim was faster or its concurrency key is held after all
-- (counted in a statement that begins after the key's lock is ours, see pick_keyed).
create or replace function hourhand_parts.take_suspect(p_id bigint)
returns bigint[]
language plpgsql set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hourhand_parts.lock_key('key', l.concurrency_key))
  from hourhand_parts.job_runs_live l where l.id = p_id and l.concurrency_key is not null;
  return array(
    select l.id from hourhand_parts.job_runs_live l
    where l.id = p_id and l.status = 'pending' and (l.concurrency_key is null or not exists (
      select from hourhand_parts.job_runs_live h where h.concurrency_key = l.concurrency_key and h.status = 'processing'
    ))
    for update skip locked
  );
end
$$;
