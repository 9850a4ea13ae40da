-- After a plain INSERT into job_runs: pending rows only, and one hint for the workers.
create or replace function hourhand_parts.accept_runs()
returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_seen record;
begin
  -- One look: a COPY may have written a million.
  select bool_and(status = 'pending') as pending, min(run_at) as run_at into v_seen from inserted;
  if not v_seen.pending then
    raise exception 'a run can only be inserted as pending'
      using errcode = 'PT422', hint = 'Leave status out; the functions of schema hourhand move a run on.';
  end if;
  perform hourhand_parts.wake_workers(v_seen.run_at);
  return null;
end
$$;
