-- Puts new work into a run that nobody has begun; false when it is too late for that.
create or replace function hourhand_parts.replace_run(p_run_id bigint, p_new hourhand.job_runs)
returns boolean
language plpgsql set search_path = ''
as $$
begin
  update hourhand_parts.job_runs_live
  set payload = p_new.payload, priority = p_new.priority, run_at = p_new.run_at, claim_at = p_new.claim_at,
      max_attempts = greatest(p_new.max_attempts, attempt), timeout = p_new.timeout,
      trace_context = p_new.trace_context
  where id = p_run_id and status = 'pending';
  return found;
end
$$;
