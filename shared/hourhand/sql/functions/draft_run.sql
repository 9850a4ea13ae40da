-- What enqueue() would write for p_job (its parameters without p_), for a program that writes many such rows itself,
-- by COPY: what the caller left out comes from the task, else from the defaults. Inserts nothing.
create or replace function hourhand.draft_run(p_job jsonb)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_run hourhand.job_runs := hourhand_parts.new_run(p_job, hourhand.clock());
begin
  return jsonb_build_object(
    'task', v_run.task, 'queue', v_run.queue, 'priority', v_run.priority, 'run_at', v_run.run_at,
    'claim_at', v_run.claim_at, 'max_attempts', v_run.max_attempts, 'timeout', v_run.timeout::text,
    'trigger', v_run.trigger, 'concurrency_key', v_run.concurrency_key, 'parent_id', v_run.parent_id,
    'created_at', v_run.created_at, 'trace_context', v_run.trace_context
  );
end
$$;
