-- A schedule by name or by id, locked; PT404 when there is none.
create or replace function hourhand_parts.find_schedule(p_schedule text)
returns hourhand.scheduled_jobs
language plpgsql set search_path = ''
as $$
declare
  v_id bigint;
  v_schedule hourhand.scheduled_jobs;
begin
  loop
    v_id := (hourhand_parts.read_schedule(p_schedule)).id;
    perform from hourhand.scheduled_jobs where id = v_id for no key update;
    -- Once more with the lock: it may have been deleted or renamed meanwhile, and there may be another of this name.
    v_schedule := hourhand_parts.read_schedule(p_schedule);
    exit when v_schedule.id = v_id;
  end loop;
  return v_schedule;
end
$$;
