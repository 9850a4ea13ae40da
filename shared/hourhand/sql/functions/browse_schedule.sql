-- What the page of a schedule shows: the schedule, its last runs (newest first), what the ledger says of its last
-- instants, its task as workers registered it, and who is there to fire and to run it.
create or replace function hourhand.browse_schedule(p_schedule text)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.read_schedule(p_schedule);
begin
  return jsonb_build_object(
    'now', v_now,
    'schedule', hourhand_parts.schedule_json(v_schedule),
    'runs', (
      select coalesce(jsonb_agg(hourhand_parts.run_row(r) order by r.id desc), '[]')
      from (select * from hourhand.job_runs r where r.schedule_id = v_schedule.id order by r.id desc limit 60) r
    ),
    'firings', (
      select coalesce(jsonb_agg(to_jsonb(f) - 'schedule_id' order by f.scheduled_for desc), '[]')
      from (
        select * from hourhand.schedule_firings f where f.schedule_id = v_schedule.id
        order by f.scheduled_for desc limit 20
      ) f
    ),
    'task', (
      select to_jsonb(t) || jsonb_build_object('timeout', hourhand_parts.seconds(t.timeout))
      from hourhand.tasks t where t.name = v_schedule.task
    ),
    'alive', (
      select jsonb_build_object(
        'schedulers', count(*) filter (where s.kind = 'scheduler'),
        'workers', count(*) filter (where s.kind = 'worker' and s.tasks ? v_schedule.task)
      )
      from hourhand.services s where s.state = 'open' and s.lease_until > v_now
    )
  );
end
$$;
