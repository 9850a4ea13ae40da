-- overlap cancel_other: pending runs of the schedule end now, running ones are asked to; the schedule is locked.
create or replace function hourhand_parts.cancel_others(p_schedule_id bigint, p_run_id bigint, p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_ids bigint[] := array(
    select l.id from hourhand_parts.job_runs_live l
    where l.schedule_id = p_schedule_id and l.trigger <> 'backfill' order by l.id for update
  );
begin
  update hourhand_parts.job_runs_live
  set cancel_requested_at = coalesce(cancel_requested_at, p_now),
      cancel_reason = coalesce(cancel_reason, format('replaced by run %s of the same schedule', p_run_id))
  where id = any(v_ids);
  perform hourhand_parts.cancel_locked(
    array(select l.id from hourhand_parts.job_runs_live l where l.id = any(v_ids) and l.status = 'pending'), p_now
  );
end
$$;
