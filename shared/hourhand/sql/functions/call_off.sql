-- Cancels live runs for the sake of another: pending ones end now, running ones are asked to. In the reason %s stands
-- for the parent of the run.
create or replace function hourhand_parts.call_off(p_ids bigint[], p_reason text, p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_ids bigint[] := array(select l.id from hourhand_parts.job_runs_live l where l.id = any(p_ids) order by l.id for update);
begin
  update hourhand_parts.job_runs_live
  set cancel_requested_at = coalesce(cancel_requested_at, p_now),
      cancel_reason = coalesce(cancel_reason, format(p_reason, parent_id))
  where id = any(v_ids);
  perform hourhand_parts.cancel_locked(
    array(select l.id from hourhand_parts.job_runs_live l where l.id = any(v_ids) and l.status = 'pending'), p_now
  );
end
$$;
