-- One schedule by name or id, with its last runs and what the ledger says of its last instants.
create or replace function hourhand.get_schedule(p_schedule text)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_schedule hourhand.scheduled_jobs;
begin
  select * into v_schedule from hourhand.scheduled_jobs where name = p_schedule;
  if not found and p_schedule ~ '^[0-9]{1,18}$' then
    select * into v_schedule from hourhand.scheduled_jobs where id = p_schedule::bigint;
  end if;
  if v_schedule.id is null then
    raise exception 'there is no schedule "%"', p_schedule
      using errcode = 'PT404', hint = 'See `hourhand schedule list`.';
  end if;
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
