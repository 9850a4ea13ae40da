-- A schedule by name or by id, as it is, without a lock; PT404 when there is none. "7" is the one called so, and only if
-- there is none that with id 7; "id:7" is the one with that id, whatever others are called: no schedule is called so.
create or replace function hourhand_parts.read_schedule(p_schedule text)
returns hourhand.scheduled_jobs
language plpgsql stable set search_path = ''
as $$
declare
  v_schedule hourhand.scheduled_jobs;
begin
  select * into v_schedule from hourhand.scheduled_jobs where name = p_schedule;
  if not found and p_schedule ~ '^(id:)?[0-9]{1,18}$' then
    select * into v_schedule from hourhand.scheduled_jobs where id = ltrim(p_schedule, 'id:')::bigint;
  end if;
  if v_schedule.id is null then
    raise exception 'there is no schedule "%"', hourhand_parts.shown(p_schedule)
      using errcode = 'PT404', hint = 'See `hourhand schedule list`.';
  end if;
  return v_schedule;
end
$$;
