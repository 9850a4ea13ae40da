-- The address that is told of the runs of a schedule: itself for success, with /start and /fail for these. Null: none.
create or replace function hourhand.set_ping_target(p_schedule text, p_url text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
begin
  perform hourhand_parts.require_read_committed();
  if p_url is null then
    delete from hourhand_parts.ping_targets where schedule_id = v_schedule.id;
  else
    insert into hourhand_parts.ping_targets (schedule_id, url, created_at) values (v_schedule.id, rtrim(p_url, '/'), v_now)
    on conflict (schedule_id) do update set url = excluded.url, created_at = v_now;
  end if;
  perform hourhand_parts.audit('ping.pointed', v_schedule.name, null, jsonb_build_object('set', p_url is not null));
  return jsonb_build_object('schedule', v_schedule.name, 'url', p_url);
end
$$;
