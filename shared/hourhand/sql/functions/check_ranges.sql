-- Refuses times and spans that clients cannot read: Postgres knows times before year 1 and after year 9999, and some
-- without end.
create or replace function hourhand_parts.check_ranges(p_schedule hourhand.scheduled_jobs)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_field text;
begin
  select t.field into v_field
  from (
    values ('anchor', p_schedule.anchor), ('starts_at', p_schedule.starts_at), ('ends_at', p_schedule.ends_at),
      ('paused_until', p_schedule.paused_until), ('run_at', p_schedule.run_at at time zone 'UTC')
  ) t(field, at)
  where t.at not between '1900-01-01 00:00+00' and '9999-01-01 00:00+00';
  if found then
    raise exception '% of a schedule has to lie between the years 1900 and 9999', v_field using errcode = 'PT422';
  end if;
  select t.field into v_field
  from (
    values ('every', p_schedule.every), ('catch_up_window', p_schedule.catch_up_window), ('jitter', p_schedule.jitter),
      ('start_deadline', p_schedule.start_deadline)
  ) t(field, span)
  where t.span > interval '36525 days';
  if found then
    raise exception '% of a schedule is at most a century', v_field using errcode = 'PT422';
  end if;
end
$$;
