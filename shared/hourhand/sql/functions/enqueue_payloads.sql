-- Inserts a run for each payload, alike in all else: p_job has the parameters of enqueue() without p_, but for the
-- payload and the key. Answers {"ids": [...]} in the order of the payloads; repeated with the same p_request_id
-- within an hour, the ids of the first time.
create or replace function hourhand.enqueue_payloads(p_job jsonb, p_payloads jsonb default '[]', p_request_id uuid default null)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_run hourhand.job_runs;
  v_ids bigint[];
begin
  perform hourhand_parts.require_read_committed();
  if jsonb_typeof(p_payloads) is distinct from 'array' then
    raise exception 'p_payloads is not a JSON array' using errcode = 'PT422';
  end if;
  if p_job ->> 'key' is not null then
    raise exception 'p_job has a key, which only one run can have'
      using errcode = 'PT422', hint = 'Use hourhand.enqueue_many(), with a key for each run.';
  end if;
  v_run := hourhand_parts.new_run(p_job, v_now);
  v_ids := array(select nextval('hourhand.job_runs_id_seq') from generate_series(1, jsonb_array_length(p_payloads)));
  if cardinality(v_ids) = 0 then
    return '{"ids": []}';
  end if;
  if p_request_id is not null then
    -- A repeated call waits here for the first to commit.
    insert into hourhand.job_run_keys (scope, key, run_id, run_ids, expires_at)
    values ('hourhand.enqueue', p_request_id::text, v_ids[1], v_ids, v_now + interval '1 hour')
    on conflict do nothing;
    if not found then
      select run_ids into strict v_ids from hourhand.job_run_keys
      where scope = 'hourhand.enqueue' and key = p_request_id::text;
      return jsonb_build_object('ids', v_ids);
    end if;
  end if;
  insert into hourhand_parts.job_runs_live (
    id, task, payload, queue, priority, run_at, claim_at, max_attempts, timeout, trigger, concurrency_key, parent_id,
    created_at, trace_context
  )
  select
    r.id, v_run.task, coalesce(nullif(r.payload, 'null'), '{}'), v_run.queue, v_run.priority, v_run.run_at, v_run.claim_at,
    v_run.max_attempts, v_run.timeout, v_run.trigger, v_run.concurrency_key, v_run.parent_id, v_now, v_run.trace_context
  from rows from (unnest(v_ids), jsonb_array_elements(p_payloads)) r(id, payload);
  perform hourhand_parts.wake_workers(v_run.run_at);
  return jsonb_build_object('ids', v_ids);
end
$$;
