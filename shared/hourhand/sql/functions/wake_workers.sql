-- One hint for listening workers when something is runnable now or before most of them would look anyway.
create or replace function hourhand_parts.wake_workers(p_run_at timestamptz)
returns void
language plpgsql set search_path = ''
as $$
begin
  if p_run_at <= hourhand.clock() + interval '60 seconds' then
    perform pg_notify('hourhand_runs', '');
  end if;
end
$$;
