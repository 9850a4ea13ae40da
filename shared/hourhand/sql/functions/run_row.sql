-- A run as lists show it: without payload, result and progress.
create or replace function hourhand_parts.run_row(p_run hourhand.job_runs)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', p_run.id, 'task', p_run.task, 'status', p_run.status, 'queue', p_run.queue, 'priority', p_run.priority,
    'schedule_id', p_run.schedule_id, 'scheduled_for', p_run.scheduled_for, 'trigger', p_run.trigger,
    'run_at', p_run.run_at, 'attempt', p_run.attempt, 'max_attempts', p_run.max_attempts, 'lost_count', p_run.lost_count,
    'parent_id', p_run.parent_id, 'retry_of', p_run.retry_of, 'created_at', p_run.created_at,
    'claimed_at', p_run.claimed_at, 'started_at', p_run.started_at, 'finished_at', p_run.finished_at,
    'cancel_requested_at', p_run.cancel_requested_at, 'error', left(p_run.error, 500)
  )
$$;
