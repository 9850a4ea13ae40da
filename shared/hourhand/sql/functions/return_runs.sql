-- Puts processing runs, whose rows the caller has locked, back to pending. p_delays in seconds from now;
-- p_given_back is 1 where the attempt is not used up, p_lost 1 where the worker was lost.
create or replace function hourhand_parts.return_runs(
  p_ids bigint[], p_delays double precision[], p_given_back int[], p_lost int[], p_now timestamptz
)
returns void
language sql set search_path = ''
as $$
  update hourhand_parts.job_runs_live l
  set status = 'pending', session_id = null, token = null, claim_id = null, claimed_at = null, started_at = null,
      run_at = p_now + make_interval(secs => i.delay), claim_at = p_now + make_interval(secs => i.delay),
      attempt = greatest(l.attempt - i.given_back, 0), lost_count = l.lost_count + i.lost
  from unnest(p_ids, p_delays, p_given_back, p_lost) i(id, delay, given_back, lost)
  where l.id = any(p_ids) and l.id = i.id
$$;
