-- Backfills one instant: the ledger says backfilled where it said why nothing ran. The schedule is locked.
create or replace function hourhand_parts.backfill_instant(
  p_schedule hourhand.scheduled_jobs, p_at timestamptz, p_around jsonb, p_request_id uuid, p_now timestamptz
)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_before hourhand.schedule_firings := hourhand_parts.find_firing(p_schedule.id, p_at);
  v_run hourhand.job_runs;
begin
  if v_before.decision in ('fired', 'backfilled') then
    return jsonb_build_object('at', p_at, 'id', v_before.run_id, 'outcome', case when exists (
      select from hourhand.job_runs r where r.id = v_before.run_id and r.unique_key = p_request_id::text
    ) then 'created' else 'existing' end);
  end if;
  if v_before.schedule_id is not null then
    perform hourhand_parts.cut_stretch(v_before, p_at, p_around);
  end if;
  -- Behind what is fired on time, and of its own age.
  v_run := hourhand_parts.new_run(
    hourhand_parts.schedule_job(p_schedule) || jsonb_build_object(
      'scheduled_for', p_at, 'trigger', 'backfill', 'key', p_request_id,
      'priority', greatest(-100, p_schedule.priority - 50),
      'concurrency_key', hourhand_parts.serial_key(p_schedule, p_schedule.overlap <> 'allow_all')
    ),
    p_now
  );
  insert into hourhand_parts.job_runs_live select v_run.*;
  insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, reason, run_id, decided_at, lag_ms)
  values (
    p_schedule.id, p_at, 'backfilled', 'was ' || nullif(concat_ws(': ', v_before.decision, v_before.reason), ''), v_run.id, p_now,
    extract(epoch from p_now - p_at) * 1000
  );
  return jsonb_build_object('at', p_at, 'id', v_run.id, 'outcome', 'created');
end
$$;
