-- Cancels a pending run at once; a running one is told by its worker's heartbeat.
create or replace function hourhand.cancel_run(p_run_id bigint, p_reason text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_run hourhand.job_runs;
  v_status text;
begin
  perform hourhand_parts.require_read_committed();
  perform hourhand_parts.lock_runs(array[p_run_id]);
  update hourhand_parts.job_runs_live
  set cancel_requested_at = coalesce(cancel_requested_at, v_now), cancel_reason = coalesce(left(p_reason, 1000), cancel_reason)
  where id = p_run_id
  returning * into v_run;
  if not found then
    select status into v_status from hourhand_parts.job_runs_history where id = p_run_id;
    if not found then
      raise exception 'there is no run %', p_run_id using errcode = 'PT404', hint = 'See `hourhand run list`.';
    end if;
    return jsonb_build_object('id', p_run_id, 'outcome', 'finished', 'status', v_status);
  end if;
  perform hourhand_parts.audit('run.cancelled', p_run_id::text, null, jsonb_build_object('reason', p_reason));
  if v_run.status = 'pending' then
    perform hourhand_parts.cancel_locked(array[p_run_id], v_now);
    return jsonb_build_object('id', p_run_id, 'outcome', 'cancelled', 'status', 'cancelled');
  end if;
  perform pg_notify('hourhand_runs', '');
  return jsonb_build_object('id', p_run_id, 'outcome', 'requested', 'status', 'processing');
end
$$;
