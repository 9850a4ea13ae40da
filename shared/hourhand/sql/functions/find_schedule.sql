-- A schedule by name or by id, locked; PT404 when there is none.
create or replace function hourhand_parts.find_schedule(p_schedule text)
returns hourhand.scheduled_jobs
language plpgsql set search_path = ''
as $$
declare
  v_id bigint := (hourhand_parts.read_schedule(p_schedule)).id;
  v_schedule hourhand.scheduled_jobs;
begin
  select * into v_schedule from hourhand.scheduled_jobs where id = v_id for no key update;
  if not found then
    return hourhand_parts.find_schedule(p_schedule);  -- It was deleted meanwhile; there may be another of this name.
  end if;
  return v_schedule;
end
$$;
