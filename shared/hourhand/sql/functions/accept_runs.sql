-- After a plain INSERT into job_runs: pending rows only, and one hint for the workers.
create or replace function hourhand_parts.accept_runs()
returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if exists (select from inserted where status <> 'pending') then
    raise exception 'a run can only be inserted as pending'
      using errcode = 'PT422', hint = 'Leave status out; the functions of schema hourhand move a run on.';
  end if;
  perform hourhand_parts.wake_workers(min(run_at)) from inserted;
  return null;
end
$$;
