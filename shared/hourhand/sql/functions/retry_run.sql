-- Makes a new run of a finished one, optionally with another payload. Repeated with the same p_request_id
-- it answers the run it made before.
create or replace function hourhand.retry_run(
  p_run_id bigint, p_payload jsonb default null, p_request_id uuid default null,
  p_trace_context text default null
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_old hourhand.job_runs;
  v_item text;
  v_answer jsonb;
begin
  perform hourhand_parts.require_read_committed();
  select * into v_old from hourhand_parts.job_runs_history where id = p_run_id;
  if not found then
    if exists (select from hourhand_parts.job_runs_live where id = p_run_id) then
      raise exception 'run % is not finished yet', p_run_id
        using errcode = 'PT409', hint = 'Cancel it first, or wait for its end.';
    end if;
    raise exception 'there is no run %', p_run_id using errcode = 'PT404', hint = 'See `hourhand run list`.';
  end if;
  perform from hourhand.scheduled_jobs where id = v_old.schedule_id for no key update;
  -- An item of a fleet that nobody has begun meanwhile is settled by this run.
  select i.item_key into v_item from hourhand.schedule_items i
  where i.schedule_id = v_old.schedule_id and i.item_key = v_old.item_key and i.run_id is null;
  v_answer := hourhand_parts.insert_run(
    jsonb_build_object(
      'task', v_old.task, 'payload', coalesce(p_payload, v_old.payload), 'queue', v_old.queue, 'priority', v_old.priority,
      'key', p_request_id || ':' || p_run_id, 'key_scope', 'hourhand.retry', 'concurrency_key', v_old.concurrency_key,
      'max_attempts', v_old.max_attempts, 'timeout', v_old.timeout, 'parent_id', v_old.parent_id,
      'retry_of', v_old.id, 'trigger', 'retry', 'schedule_id', v_old.schedule_id, 'item_key', v_item,
      'trace_context', coalesce(p_trace_context, v_old.trace_context)
    ),
    v_now
  );
  if v_item is not null and v_answer ->> 'outcome' = 'created' then
    update hourhand.schedule_items set run_id = (v_answer ->> 'id')::bigint
    where schedule_id = v_old.schedule_id and item_key = v_item;
  end if;
  perform hourhand_parts.audit('run.retried', p_run_id::text, null, v_answer)
  where v_answer ->> 'outcome' = 'created';
  perform pg_notify('hourhand_runs', '');
  return v_answer;
end
$$;
