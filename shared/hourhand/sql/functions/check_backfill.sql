-- Refuses a backfill that cannot be. What the scheduler has still to decide is not for others to fire.
create or replace function hourhand_parts.check_backfill(
  p_schedule hourhand.scheduled_jobs, p_instants jsonb, p_now timestamptz
)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_latest timestamptz;
begin
  if jsonb_typeof(p_instants) is distinct from 'array' or jsonb_array_length(p_instants) > 10000 then
    raise exception 'p_instants is not a JSON array of at most 10000 instants' using errcode = 'PT422',
      hint = 'Backfill a shorter time, several times.';
  elsif p_schedule.rank_intervals is not null then
    raise exception 'the items of fleet "%" are due on their own: it has no instants to make up for', p_schedule.name
      using errcode = 'PT422', hint = 'Make items due with `hourhand fleet set`.';
  end if;
  select max(i.at) into v_latest from hourhand_parts.instants_of(p_instants) i;
  if v_latest > p_now or exists (select from hourhand_parts.instants_of(p_instants) i where i.at is null or not isfinite(i.at)) then
    raise exception 'only instants that have passed can be backfilled, not %', coalesce(v_latest::text, 'null')
      using errcode = 'PT422', hint = 'Leave out those to come.';
  elsif p_schedule.is_active and p_schedule.error is null and v_latest >= p_schedule.next_run_at then
    raise exception 'the scheduler has not yet decided about % of schedule "%"', v_latest, p_schedule.name
      using errcode = 'PT409', hint = 'Backfill what lies before, and see `hourhand status` for the scheduler.';
  end if;
end
$$;
