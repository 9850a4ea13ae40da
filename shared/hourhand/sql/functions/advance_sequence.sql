-- One look of a sequence at its steps (payload {"steps": [{"task", "payload", …}]}). While a step is live it waits; then
-- the next is enqueued, whether the one before failed or not; after the last it says how all of them ended. How far it
-- is stands in its progress: of a long sequence the first steps may have been pruned.
create or replace function hourhand.advance_sequence(p_run_id bigint, p_token uuid default null)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_run hourhand.job_runs;
  v_begun int;
  v_total int;
begin
  perform hourhand_parts.require_read_committed();
  select * into v_run from hourhand_parts.job_runs_live where id = p_run_id and token = p_token for update;
  if not found then
    return jsonb_build_object('outcome', 'stale');
  end if;
  v_total := jsonb_array_length(v_run.payload -> 'steps');
  v_begun := coalesce((v_run.progress ->> 'done')::int + 1, 0);
  if hourhand_parts.must_wait(v_run) then
    -- Its end wakes the sequence; this is for the case that it has no end, and rarer the longer it takes.
    return jsonb_build_object('outcome', 'waiting', 'wait', greatest(60, extract(epoch from v_now - v_run.created_at) / 10));
  elsif v_begun < v_total then
    perform hourhand_parts.begin_step(v_run, v_begun + 1, v_now);
    return jsonb_build_object('outcome', 'waiting', 'wait', 60);
  end if;
  update hourhand_parts.job_runs_live
  set progress = jsonb_build_object('done', v_total, 'total', v_total)
  where id = p_run_id;
  return jsonb_build_object('outcome', 'done', 'steps', hourhand_parts.ended_steps(v_run));
end
$$;
