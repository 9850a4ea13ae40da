create or replace function hourhand_parts.wake_schedulers()
returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform pg_notify('hourhand_schedules', '');
  return null;
end
$$;
