-- A sequence looks again as soon as a step has ended. Its row is locked by lock_runs. True if one was woken.
create or replace function hourhand_parts.wake_sequences(p_ids bigint[], p_now timestamptz)
returns boolean
language plpgsql set search_path = ''
as $$
begin
  update hourhand_parts.job_runs_live
  set run_at = p_now, claim_at = p_now
  where id = any(p_ids) and task = 'hourhand.sequence' and status = 'pending' and run_at > p_now;
  return found;
end
$$;
