-- Moves live runs, whose rows the caller has locked, into history; gives the ids of those it has moved. The arrays go
-- together: without a status a run has completed, a null error or result leaves none, and with tokens only the runs
-- move whose attempt has this token. Frees their places within limits, and says so to waiting workers.
create or replace function hourhand_parts.end_runs(
  p_ids bigint[], p_status text[], p_results jsonb[], p_errors text[], p_started_at timestamptz[], p_now timestamptz,
  p_tokens uuid[] default null
)
returns bigint[]
language plpgsql set search_path = ''
as $$
declare
  v_limited boolean := hourhand_parts.has_limits();
  v_ended bigint[];
  v_tasks text[];
  v_queues text[];
  v_keys text[];
  v_sequence_keys text[];
  v_cancelled_sequences bigint[];
  v_parents bigint[];
  v_has_items boolean;
begin
  with gone as (
    delete from hourhand_parts.job_runs_live l
    using unnest(p_ids, p_status, p_results, p_errors, p_started_at, p_tokens)
      i(id, status, result, error, started_at, token)
    -- Both: by the join alone, the planner may read every run there is.
    where l.id = any(p_ids) and l.id = i.id and (p_tokens is null or l.token = i.token)
    returning l.*, i.status as new_status, i.result as new_result, i.error as new_error, i.started_at as told_start
  ), moved as (
    insert into hourhand_parts.job_runs_history (
      id, schedule_id, scheduled_for, task, payload, queue, priority, status, run_at, claim_at, attempt, max_attempts,
      timeout, trigger, unique_key, concurrency_key, parent_id, retry_of, item_key, lost_count, session_id, token, claim_id,
      claimed_at, started_at, finished_at, cancel_requested_at, cancel_reason, progress, result, error, created_at,
      trace_context
    )
    select
      g.id, g.schedule_id, g.scheduled_for, g.task, g.payload, g.queue, g.priority,
      coalesce(g.new_status, 'completed'), g.run_at, g.claim_at, g.attempt, g.max_attempts, g.timeout, g.trigger,
      g.unique_key, g.concurrency_key, g.parent_id, g.retry_of, g.item_key, g.lost_count, g.session_id, g.token,
      g.claim_id, g.claimed_at,
      case when g.claimed_at is not null then least(greatest(coalesce(g.told_start, g.started_at), g.claimed_at), p_now) end,
      p_now, g.cancel_requested_at, g.cancel_reason, g.progress, g.new_result, g.new_error, g.created_at, g.trace_context
    from gone g
    returning id, task, queue, status, concurrency_key, parent_id, item_key
  )
  select
    array_agg(m.id),
    array_agg(m.task) filter (where v_limited),
    array_agg(m.queue) filter (where v_limited),
    array_agg(m.concurrency_key) filter (where m.concurrency_key is not null),
    array_agg(m.concurrency_key) filter (where m.concurrency_key is not null and m.task = 'hourhand.sequence'),
    array_agg(m.id) filter (where m.status = 'cancelled' and m.task = 'hourhand.sequence'),
    array_agg(m.parent_id) filter (where m.parent_id is not null),
    bool_or(m.item_key is not null)
  into v_ended, v_tasks, v_queues, v_keys, v_sequence_keys, v_cancelled_sequences, v_parents, v_has_items
  from moved m;
  if v_has_items then
    perform hourhand_parts.settle_items(v_ended, p_now);
  end if;
  if v_cancelled_sequences is not null then
    perform hourhand_parts.call_off(
      array(
        select l.id from hourhand_parts.job_runs_live l
        where l.parent_id = any(v_cancelled_sequences) and l.unique_key like 'hourhand.step %'
      ),
      'sequence %s was cancelled', p_now
    );
  end if;
  if (v_parents is not null or v_sequence_keys is not null)
    and hourhand_parts.wake_sequences(v_parents, v_sequence_keys, p_now) then
    perform pg_notify('hourhand_runs', '');
  end if;
  if v_limited or v_keys is not null then
    perform hourhand_parts.wake_waiting(v_tasks, v_queues, v_keys, p_now);
  end if;
  return v_ended;
end
$$;
