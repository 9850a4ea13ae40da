-- Retries each of these runs, at most 1000. One that cannot be retried says why and does not stop the others. Repeated
-- with the same p_request_id it makes no run twice.
create or replace function hourhand.retry_runs(p_ids jsonb, p_request_id uuid default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_ids bigint[] := hourhand_parts.listed_runs(p_ids);
  v_results jsonb := '[]';
  v_answer jsonb;
  v_id bigint;
begin
  perform hourhand_parts.require_read_committed();
  for v_id in
    -- Each locks its schedule: all in one order, that of lock_runs().
    select i.id from unnest(v_ids) i(id)
    left join hourhand.job_runs r on r.id = i.id
    order by r.schedule_id, i.id
  loop
    begin
      v_answer := hourhand.retry_run(v_id, null, p_request_id);
      v_results := v_results || jsonb_build_object('id', v_id, 'retried_as', v_answer -> 'id');
    exception when sqlstate 'PT404' or sqlstate 'PT409' then
      v_results := v_results || jsonb_build_object('id', v_id, 'error', sqlerrm);
    end;
  end loop;
  return jsonb_build_object('now', hourhand.clock(), 'results', v_results);
end
$$;
