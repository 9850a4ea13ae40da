-- What a claim answers, oldest first. The payload is text, so that one that a client cannot decode spoils no other.
-- p_columns: one array for each field instead of one object for each run, which takes a fifth of the time.
create or replace function hourhand_parts.claimed_runs(p_session uuid, p_claim_id uuid, p_columns boolean)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if p_columns then
    return (
      select jsonb_build_object(
        'id', array_agg(r.id), 'task', array_agg(r.task), 'payload', array_agg(r.payload::text),
        'queue', array_agg(r.queue), 'priority', array_agg(r.priority), 'attempt', array_agg(r.attempt),
        'max_attempts', array_agg(r.max_attempts), 'timeout', array_agg(extract(epoch from r.timeout)::double precision),
        'token', array_agg(r.token), 'trigger', array_agg(r.trigger), 'schedule_id', array_agg(r.schedule_id),
        'scheduled_for', array_agg(r.scheduled_for), 'parent_id', array_agg(r.parent_id),
        'concurrency_key', array_agg(r.concurrency_key), 'run_at', array_agg(r.run_at),
        'created_at', array_agg(r.created_at), 'lost_count', array_agg(r.lost_count), 'trace_context', array_agg(r.trace_context)
      )
      from (
        select l.* from hourhand_parts.job_runs_live l
        where l.session_id = p_session and l.claim_id = p_claim_id and l.status = 'processing'
        order by l.claim_at, l.id
      ) r
    );
  end if;
  return (
    select jsonb_agg(jsonb_build_object(
      'id', l.id, 'task', l.task, 'payload', l.payload::text, 'queue', l.queue, 'priority', l.priority,
      'attempt', l.attempt, 'max_attempts', l.max_attempts, 'timeout', extract(epoch from l.timeout)::double precision,
      'token', l.token, 'trigger', l.trigger, 'schedule_id', l.schedule_id, 'scheduled_for', l.scheduled_for,
      'parent_id', l.parent_id, 'concurrency_key', l.concurrency_key, 'run_at', l.run_at, 'created_at', l.created_at,
      'lost_count', l.lost_count, 'trace_context', l.trace_context
    ) order by l.claim_at, l.id)
    from hourhand_parts.job_runs_live l
    where l.session_id = p_session and l.claim_id = p_claim_id and l.status = 'processing'
  );
end
$$;
