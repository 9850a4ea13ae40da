-- One run with everything: its attempts that did not simply complete, its children, the runs that retry it, its
-- schedule's name.
create or replace function hourhand.get_run(p_run_id bigint)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_run hourhand.job_runs;
begin
  select * into v_run from hourhand.job_runs where id = p_run_id;
  if not found then
    raise exception 'there is no run %', p_run_id using errcode = 'PT404', hint = 'See `hourhand run list`.';
  end if;
  return hourhand_parts.run_row(v_run) || jsonb_build_object(
    'now', hourhand.clock(), 'payload', v_run.payload, 'result', v_run.result, 'progress', v_run.progress,
    'error', v_run.error, 'timeout', hourhand_parts.seconds(v_run.timeout), 'unique_key', v_run.unique_key,
    'concurrency_key', v_run.concurrency_key, 'session_id', v_run.session_id, 'cancel_reason', v_run.cancel_reason,
    'trace_context', v_run.trace_context,
    'worker', (select s.name from hourhand.services s where s.id = v_run.session_id),
    'schedule', (select s.name from hourhand.scheduled_jobs s where s.id = v_run.schedule_id),
    'children', (
      select coalesce(jsonb_agg(c.id order by c.id), '[]') from (
        select l.id from hourhand_parts.job_runs_live l where l.parent_id = p_run_id
        union all select h.id from hourhand_parts.job_runs_history h where h.parent_id = p_run_id
        limit 1000
      ) c
    ),
    'retries', (
      select coalesce(jsonb_agg(a.after -> 'id' order by a.id), '[]') from hourhand.audit_log a
      where a.subject = p_run_id::text and a.action = 'run.retried'
    ),
    'attempts', (
      select coalesce(jsonb_agg(to_jsonb(a) - 'token' order by a.ended_at, a.attempt), '[]')
      from hourhand.job_run_attempts a where a.run_id = p_run_id
    )
  );
end
$$;
