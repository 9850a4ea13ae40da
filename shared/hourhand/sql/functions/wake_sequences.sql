-- A sequence looks again as soon as a step has ended (its row is locked by lock_runs), or one that held its key. True
-- if one was woken. Who holds the row of the latter just now is about to look, or to end it.
create or replace function hourhand_parts.wake_sequences(p_ids bigint[], p_keys text[], p_now timestamptz)
returns boolean
language plpgsql set search_path = ''
as $$
declare
  v_ids bigint[] := p_ids || array(
    select l.id from unnest(p_keys) k(key)
    cross join lateral (
      select r.id from hourhand_parts.job_runs_live r
      where r.concurrency_key = k.key and r.status = 'pending' and r.lost_count = 0 and r.task = 'hourhand.sequence'
      order by r.id limit 1
      for update skip locked
    ) l
  );
begin
  update hourhand_parts.job_runs_live
  set run_at = p_now, claim_at = p_now
  where id = any(v_ids) and task = 'hourhand.sequence' and status = 'pending' and run_at > p_now;
  return found;
end
$$;
