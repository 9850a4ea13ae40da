-- What a claim answers. The payload is text, so that one that a client cannot decode spoils no other.
create or replace function hourhand_parts.claimed_runs(p_session uuid, p_claim_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', l.id, 'task', l.task, 'payload', l.payload::text, 'queue', l.queue, 'priority', l.priority,
    'attempt', l.attempt, 'max_attempts', l.max_attempts, 'timeout', hourhand_parts.seconds(l.timeout),
    'token', l.token, 'trigger', l.trigger, 'schedule_id', l.schedule_id, 'scheduled_for', l.scheduled_for,
    'parent_id', l.parent_id, 'concurrency_key', l.concurrency_key, 'run_at', l.run_at, 'created_at', l.created_at, 'lost_count', l.lost_count
  ) order by l.claim_at, l.id), '[]')
  from hourhand_parts.job_runs_live l
  where l.session_id = p_session and l.claim_id = p_claim_id and l.status = 'processing'
$$;
