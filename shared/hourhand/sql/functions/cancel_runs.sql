-- Cancels each of these runs, at most 1000, as cancel_run() does. One that is unknown says so and does not stop the
-- others.
create or replace function hourhand.cancel_runs(p_ids jsonb, p_reason text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_results jsonb := '[]';
  v_ids bigint[] := hourhand_parts.listed_runs(p_ids);
  v_id bigint;
begin
  perform hourhand_parts.require_read_committed();
  perform hourhand_parts.lock_runs(v_ids);
  foreach v_id in array v_ids loop
    begin
      v_results := v_results || hourhand.cancel_run(v_id, p_reason);
    exception when sqlstate 'PT404' then
      v_results := v_results || jsonb_build_object('id', v_id, 'error', sqlerrm);
    end;
  end loop;
  return jsonb_build_object('now', hourhand.clock(), 'results', v_results);
end
$$;
