-- After a plain INSERT into job_runs: pending rows only, with nothing of what becomes of a run, and one hint for the
-- workers. A run whose attempts were used up before its first, or whose times no client can read, would fail every claim
-- that comes to it, and a number ahead of the sequence the enqueue that gets it next.
create or replace function hourhand_parts.accept_runs()
returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_seen record;
begin
  -- One look: a COPY may have written a million.
  select bool_and(status = 'pending') as pending, min(run_at) as run_at, min(id) as first_id, max(id) as last_id,
    bool_and(
      attempt = 0 and lost_count = 0 and session_id is null and token is null and claim_id is null and claimed_at is null
      and started_at is null and finished_at is null and cancel_requested_at is null and cancel_reason is null
      and progress is null and result is null and error is null
    ) as untouched,
    bool_and(
      created_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
      and claim_at between '1899-01-01 00:00+00' and '9999-12-31 00:00+00'
    ) as in_range,
    count(unique_key) as keys
  into v_seen
  from inserted;
  if not v_seen.pending then
    raise exception 'a run can only be inserted as pending'
      using errcode = 'PT422', hint = 'Leave status out; the functions of schema hourhand move a run on.';
  elsif not v_seen.untouched then
    raise exception 'a run is inserted with what was already done about it'
      using errcode = 'PT422', hint = 'Leave out attempt, lost_count, result, error and the like: they are filled as the run goes on.';
  elsif not v_seen.in_range then
    raise exception 'created_at and claim_at of a run have to lie between the years 1900 and 9999'
      using errcode = 'PT422', hint = 'Leave them out: they are filled.';
  elsif v_seen.keys > 0 then
    raise exception 'unique_key is set by a plain INSERT'
      using errcode = 'PT422', hint = 'Use hourhand.enqueue(p_task => …, p_key => …), which keeps keys unique.';
  elsif v_seen.first_id < 1 or v_seen.last_id > (select last_value from hourhand.job_runs_id_seq) then
    raise exception 'a run is inserted with a number of somebody''s own'
      using errcode = 'PT422', hint = 'Leave out id: it comes from the sequence hourhand.job_runs_id_seq.';
  end if;
  perform hourhand_parts.wake_workers(v_seen.run_at);
  return null;
end
$$;
