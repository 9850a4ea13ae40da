-- One schedule by name or id, with its last runs and what the ledger says of its last instants.
create or replace function hourhand.get_schedule(p_schedule text)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_schedule hourhand.scheduled_jobs := hourhand_parts.read_schedule(p_schedule);
begin
  return hourhand_parts.schedule_json(v_schedule) || jsonb_build_object(
    'now', hourhand.clock(),
    'recent_runs', (
      select coalesce(jsonb_agg(hourhand_parts.run_row(r) order by r.id desc), '[]')
      from (
        select * from hourhand.job_runs r where r.schedule_id = v_schedule.id order by r.id desc limit 10
      ) r
    ),
    'firings', (
      select coalesce(jsonb_agg(to_jsonb(f) order by f.scheduled_for desc), '[]')
      from (
        select * from hourhand.schedule_firings f where f.schedule_id = v_schedule.id
        order by f.scheduled_for desc limit 10
      ) f
    )
  );
end
$$;
