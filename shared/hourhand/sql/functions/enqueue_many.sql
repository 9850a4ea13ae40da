-- Inserts many runs: objects with the parameters of enqueue() without p_; answers in the same order.
-- All go in as one set; keys are taken in their own order, so that two callers with the same keys wait for each
-- other instead of deadlocking. Of several with one key in one call the first counts.
create or replace function hourhand.enqueue_many(p_jobs jsonb)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_ids bigint[];
  v_scopes text[];
  v_keys text[];
  v_expiries timestamptz[];
  v_taken bigint[];
  v_answers jsonb;
begin
  perform hourhand_parts.require_read_committed();
  if jsonb_typeof(p_jobs) is distinct from 'array' then
    raise exception 'p_jobs is not a JSON array' using errcode = 'PT422';
  end if;
  if jsonb_array_length(p_jobs) = 0 then
    return '[]';
  end if;
  perform hourhand_parts.wake_workers(v_now);
  if p_jobs @? '$[*] ? (@.on_conflict == "replace")' then
    return hourhand_parts.insert_in_turn(p_jobs, v_now);
  end if;
  select array_agg(i.id), array_agg(coalesce(i.key_scope, i.task)), array_agg(i.key),
    array_agg(v_now + coalesce(hourhand_parts.duration(i.key_ttl), interval '24 hours'))
  into v_ids, v_scopes, v_keys, v_expiries
  from (
    select nextval('hourhand.job_runs_id_seq') as id, j.task, j.key, j.key_scope, j.key_ttl
    from jsonb_to_recordset(p_jobs) j(task text, key text, key_scope text, key_ttl jsonb)
  ) i;
  with taken as (
    insert into hourhand.job_run_keys as k (scope, key, run_id, expires_at)
    select distinct on (i.scope, i.key) i.scope, i.key, i.id, i.expires_at
    from unnest(v_scopes, v_keys, v_ids, v_expiries) i(scope, key, id, expires_at)
    where i.key is not null
    order by i.scope, i.key, i.id
    on conflict (scope, key) do update
      set run_id = excluded.run_id, expires_at = excluded.expires_at
      where k.expires_at <= v_now
    returning run_id
  )
  select array_agg(run_id) into v_taken from taken;
  insert into hourhand_parts.job_runs_live (
    id, task, payload, queue, priority, run_at, claim_at, max_attempts, timeout, trigger, unique_key, concurrency_key,
    parent_id, created_at, trace_context
  )
  select
    i.id, i.task, coalesce(nullif(i.payload, 'null'), '{}'), coalesce(i.queue, t.queue, 'default'),
    coalesce(i.priority, 0), coalesce(i.run_at, v_now),
    coalesce(i.run_at, v_now) - coalesce(i.priority, 0) * interval '60 seconds',
    coalesce(i.max_attempts, t.max_attempts, 4),
    coalesce(hourhand_parts.duration(i.timeout), t.timeout, interval '1 hour'),
    case when i.parent_id is null then 'api' else 'task' end, i.key, i.concurrency_key, i.parent_id, v_now,
    hourhand_parts.trace_context(i.trace_context)
  from rows from (
    jsonb_to_recordset(p_jobs) as (
      task text, payload jsonb, queue text, priority int, run_at timestamptz, key text, concurrency_key text,
      max_attempts int, timeout jsonb, parent_id bigint, trace_context text
    ),
    unnest(v_ids)
  ) i(task, payload, queue, priority, run_at, key, concurrency_key, max_attempts, timeout, parent_id, trace_context, id)
  left join hourhand.tasks t on t.name = i.task
  left join unnest(v_taken) w(id) on w.id = i.id
  where i.key is null or w.id is not null;
  -- A second statement, which sees the holders of the keys that others have taken.
  select jsonb_agg(jsonb_build_object(
    'id', case when i.key is null then i.id else k.run_id end,
    'outcome', case when i.key is null or k.run_id = i.id then 'created' else 'existing' end) order by i.id)
  into v_answers
  from unnest(v_ids, v_scopes, v_keys) i(id, scope, key)
  left join hourhand.job_run_keys k on k.scope = i.scope and k.key = i.key;
  return v_answers;
end
$$;
