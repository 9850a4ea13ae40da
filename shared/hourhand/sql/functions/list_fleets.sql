-- The schedules that are fleets, by name, and how their items are.
create or replace function hourhand.list_fleets()
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
begin
  return jsonb_build_object('now', v_now, 'fleets', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', s.id, 'name', s.name, 'task', s.task, 'description', s.description, 'is_active', s.is_active, 'error', s.error,
      'rank_intervals', s.rank_intervals, 'next_run_at', s.next_run_at
    ) || to_jsonb(i) order by s.name), '[]')
    from hourhand.scheduled_jobs s, lateral (
      select count(*) as total, count(*) filter (where i.run_id is null and i.next_run_at <= v_now) as due,
        count(i.run_id) as running, count(*) filter (where i.failures > 0) as failing
      from hourhand.schedule_items i where i.schedule_id = s.id
    ) i
    where s.rank_intervals is not null
  ));
end
$$;
