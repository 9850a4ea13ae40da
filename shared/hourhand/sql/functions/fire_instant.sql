-- Decides one instant under the schedule's lock: the ledger's primary key makes a second decision impossible.
-- Null when the instant had been decided before.
create or replace function hourhand_parts.fire_instant(
  p_schedule hourhand.scheduled_jobs, p_run jsonb, p_holder bigint, p_several boolean, p_backfill_at timestamptz,
  p_now timestamptz
)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_at timestamptz := (p_run ->> 'at')::timestamptz;
  v_decision text := 'fired';
  v_reason text;
  v_run hourhand.job_runs;
  v_serial boolean := p_schedule.overlap in ('buffer_one', 'buffer_all', 'cancel_other')
    or (p_schedule.overlap = 'skip' and (p_several or p_backfill_at is not null));
begin
  if p_holder is not null and (p_schedule.overlap = 'skip' or (p_schedule.overlap = 'buffer_one' and exists (
    select from hourhand_parts.job_runs_live l
    where l.schedule_id = p_schedule.id and l.status = 'pending' and l.scheduled_for is not null and l.trigger <> 'backfill'
  ))) then
    v_decision := 'skipped_overlap';
    v_reason := format('run %s of this schedule was still %s', p_holder, coalesce(
      (select l.status from hourhand_parts.job_runs_live l where l.id = p_holder), 'there'));
  end if;
  if v_decision = 'fired' then
    v_run := hourhand_parts.new_run(
      hourhand_parts.schedule_job(p_schedule) || jsonb_build_object(
        'scheduled_for', v_at, 'run_at', coalesce(p_run ->> 'run_at', p_run ->> 'at'),
        'trigger', coalesce(p_run ->> 'trigger', 'schedule'), 'trace_context', p_run -> 'trace_context',
        'concurrency_key', hourhand_parts.serial_key(p_schedule, v_serial)
      ),
      p_now
    );
    if v_serial then
      v_run.claim_at := least(v_run.claim_at, p_backfill_at - interval '1 millisecond');
    end if;
  end if;
  insert into hourhand.schedule_firings
    (schedule_id, scheduled_for, decision, reason, run_id, decided_at, lag_ms)
  values (p_schedule.id, v_at, v_decision, v_reason, coalesce(v_run.id, p_holder), p_now, extract(epoch from p_now - v_at) * 1000)
  on conflict do nothing;
  if not found then
    return null;
  end if;
  if v_decision = 'fired' then
    if p_schedule.overlap = 'cancel_other' and p_holder is not null then
      perform hourhand_parts.call_off(
        array(
          select l.id from hourhand_parts.job_runs_live l where l.schedule_id = p_schedule.id and l.trigger <> 'backfill'
        ),
        format('replaced by run %s of the same schedule', v_run.id), p_now
      );
    end if;
    insert into hourhand_parts.job_runs_live select v_run.*;
  end if;
  return jsonb_build_object('id', coalesce(v_run.id, p_holder), 'at', v_at, 'decision', v_decision);
end
$$;
