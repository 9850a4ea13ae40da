-- Enqueues step number p_number of a sequence whose row is locked. A step has the priority of its sequence, and what
-- its task says, where it says nothing itself.
create or replace function hourhand_parts.begin_step(p_run hourhand.job_runs, p_number int, p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_step jsonb := p_run.payload -> 'steps' -> (p_number - 1);
begin
  perform hourhand_parts.insert_run(
    jsonb_build_object(
      'task', v_step ->> 'task', 'payload', v_step -> 'payload', 'queue', v_step ->> 'queue',
      'priority', coalesce((v_step ->> 'priority')::int, p_run.priority), 'max_attempts', v_step ->> 'max_attempts',
      'timeout', v_step -> 'timeout', 'parent_id', p_run.id, 'trigger', 'task',
      'trace_context', p_run.trace_context,
      'key', 'hourhand.step ' || p_number, 'key_scope', 'hourhand.sequence:' || p_run.id,
      -- What may not run beside the sequence may not run beside its steps. A sequence in it would wait for its own parent.
      'concurrency_key', case when v_step ->> 'task' <> 'hourhand.sequence' then p_run.concurrency_key end
    ),
    p_now
  );
  update hourhand_parts.job_runs_live
  set progress = jsonb_build_object(
    'done', p_number - 1, 'total', jsonb_array_length(p_run.payload -> 'steps'), 'message', v_step ->> 'task'
  )
  where id = p_run.id;
  perform pg_notify('hourhand_runs', '');
end
$$;
