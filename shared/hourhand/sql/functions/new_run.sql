-- A run as enqueue() would insert it: what the caller left out comes from the task, else from the defaults.
create or replace function hourhand_parts.new_run(p_job jsonb, p_now timestamptz)
returns hourhand.job_runs
language plpgsql set search_path = ''
as $$
declare
  v_task hourhand.tasks;
  v_run hourhand.job_runs;
begin
  if coalesce(p_job ->> 'task', '') = '' then
    raise exception 'a run needs a task' using errcode = 'PT422', hint = 'Give the name of a task, as in `hourhand tasks`.';
  end if;
  select * into v_task from hourhand.tasks where name = p_job ->> 'task';
  v_run.id := nextval('hourhand.job_runs_id_seq');
  v_run.task := p_job ->> 'task';
  v_run.payload := coalesce(nullif(p_job -> 'payload', 'null'), '{}');
  v_run.queue := coalesce(p_job ->> 'queue', v_task.queue, 'default');
  v_run.priority := coalesce((p_job ->> 'priority')::int, 0);
  v_run.status := 'pending';
  v_run.run_at := coalesce((p_job ->> 'run_at')::timestamptz, p_now);
  v_run.claim_at := hourhand_parts.claim_key(v_run.run_at, v_run.priority);
  v_run.attempt := 0;
  v_run.max_attempts := coalesce((p_job ->> 'max_attempts')::int, v_task.max_attempts, 4);
  v_run.timeout := coalesce(hourhand_parts.duration(p_job -> 'timeout'), v_task.timeout, interval '1 hour');
  v_run.trigger := coalesce(p_job ->> 'trigger', case when p_job ->> 'parent_id' is null then 'api' else 'task' end);
  v_run.schedule_id := (p_job ->> 'schedule_id')::bigint;
  v_run.scheduled_for := (p_job ->> 'scheduled_for')::timestamptz;
  v_run.unique_key := p_job ->> 'key';
  v_run.concurrency_key := p_job ->> 'concurrency_key';
  v_run.parent_id := (p_job ->> 'parent_id')::bigint;
  v_run.retry_of := (p_job ->> 'retry_of')::bigint;
  v_run.item_key := p_job ->> 'item_key';
  v_run.lost_count := 0;
  v_run.created_at := p_now;
  v_run.trace_context := hourhand_parts.trace_context(p_job ->> 'trace_context');
  return v_run;
end
$$;
