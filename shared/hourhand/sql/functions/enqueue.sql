-- Inserts one run in the caller's transaction. With a key, repeating the call never doubles the run.
create or replace function hourhand.enqueue(
  p_task text,
  p_payload jsonb default '{}',
  p_queue text default null,
  p_priority int default 0,
  p_run_at timestamptz default null,
  p_key text default null,
  p_key_scope text default null,
  p_key_ttl interval default interval '24 hours',
  p_on_conflict text default 'existing',
  p_concurrency_key text default null,
  p_max_attempts int default null,
  p_timeout interval default null,
  p_parent_id bigint default null,
  p_trace_context text default null
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_answer jsonb;
begin
  perform hourhand_parts.require_read_committed();
  if p_on_conflict not in ('existing', 'replace') then
    raise exception 'p_on_conflict is %, not existing or replace', hourhand_parts.shown(p_on_conflict) using errcode = 'PT422';
  end if;
  v_answer := hourhand_parts.insert_run(
    jsonb_build_object(
      'task', p_task, 'payload', p_payload, 'queue', p_queue, 'priority', p_priority, 'run_at', p_run_at,
      'key', p_key, 'key_scope', p_key_scope, 'key_ttl', p_key_ttl, 'on_conflict', p_on_conflict,
      'concurrency_key', p_concurrency_key, 'max_attempts', p_max_attempts, 'timeout', p_timeout,
      'parent_id', p_parent_id, 'trace_context', p_trace_context
    ),
    v_now
  );
  perform hourhand_parts.wake_workers(coalesce(p_run_at, v_now));
  return v_answer;
end
$$;
