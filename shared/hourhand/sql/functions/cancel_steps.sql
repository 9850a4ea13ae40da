-- The live steps of cancelled sequences: a pending one ends now, a running one is asked to.
create or replace function hourhand_parts.cancel_steps(p_ids bigint[], p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_ids bigint[] := array(
    select l.id from hourhand_parts.job_runs_live l
    where l.parent_id = any(p_ids) and l.unique_key like 'hourhand.step %'
    order by l.id
    for update
  );
begin
  update hourhand_parts.job_runs_live
  set cancel_requested_at = coalesce(cancel_requested_at, p_now),
      cancel_reason = coalesce(cancel_reason, format('sequence %s was cancelled', parent_id))
  where id = any(v_ids);
  perform hourhand_parts.cancel_locked(
    array(select l.id from hourhand_parts.job_runs_live l where l.id = any(v_ids) and l.status = 'pending'), p_now
  );
end
$$;
