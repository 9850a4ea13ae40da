-- Another set of bands moves the items of a fleet at once, not only after their next run.
create or replace function hourhand_parts.move_items()
returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
begin
  update hourhand.schedule_items i
  set next_run_at = hourhand_parts.move_item(
    i, hourhand_parts.rank_interval(old.rank_intervals, i.rank), hourhand_parts.rank_interval(new.rank_intervals, i.rank), v_now
  )
  where i.schedule_id = new.id;
  return null;
end
$$;
