-- Completes a run in the caller's own transaction, so that what its task has written there and its completion commit
-- together or not at all. PT409 when the run has gone on without this attempt: then nothing of it may be committed.
create or replace function hourhand.complete_run(p_run_id bigint, p_token uuid default null, p_result jsonb default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_started timestamptz;
begin
  perform hourhand_parts.require_read_committed();
  perform hourhand_parts.lock_runs(array[p_run_id]);
  select l.started_at into v_started from hourhand_parts.job_runs_live l
  where l.id = p_run_id and l.token = p_token;
  if found then
    -- The run is locked until the caller commits: one that falls silent would keep it for ever.
    perform set_config('idle_in_transaction_session_timeout', '10s', true);
    perform hourhand_parts.end_runs(
      array[p_run_id], array['completed'], array[nullif(p_result, 'null')], array[null::text], array[v_started], v_now
    );
    return '{"outcome": "ok"}';
  end if;
  if hourhand_parts.was_finished(p_run_id, p_token) then
    return '{"outcome": "already"}';
  end if;
  raise exception 'run % has gone on without this attempt', p_run_id
    using errcode = 'PT409', hint = 'Roll this transaction back: another attempt does the work.';
end
$$;
