-- Inserts many runs: objects with the parameters of enqueue() without p_; answers in the same order.
-- Runs without a key go in as one set; keys are taken in their own order, so that two callers with the
-- same keys wait for each other instead of deadlocking.
create or replace function hourhand.enqueue_many(p_jobs jsonb)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_keyed jsonb := '{}';
  v_answers jsonb;
  v_job record;
begin
  perform hourhand_parts.require_read_committed();
  if jsonb_typeof(p_jobs) is distinct from 'array' then
    raise exception 'p_jobs is not a JSON array' using errcode = 'PT422';
  end if;
  for v_job in
    select j.value, j.ordinality from jsonb_array_elements(p_jobs) with ordinality j
    where j.value ->> 'key' is not null
    order by coalesce(j.value ->> 'key_scope', j.value ->> 'task'), j.value ->> 'key', j.ordinality
  loop
    v_keyed := v_keyed || jsonb_build_object(v_job.ordinality, hourhand_parts.insert_run(v_job.value, v_now));
  end loop;
  with input as materialized (
    select row_number() over () as n, j.*
    from jsonb_to_recordset(p_jobs) as j(
      task text, payload jsonb, queue text, priority int, run_at timestamptz, key text, concurrency_key text,
      max_attempts int, timeout jsonb, parent_id bigint
    )
  ), runs as (
    insert into hourhand_parts.job_runs_live (
      id, task, payload, queue, priority, run_at, claim_at, max_attempts, timeout, trigger, concurrency_key,
      parent_id, created_at
    )
    select
      nextval('hourhand.job_runs_id_seq'), i.task, coalesce(nullif(i.payload, 'null'), '{}'), coalesce(i.queue, t.queue, 'default'),
      coalesce(i.priority, 0), coalesce(i.run_at, v_now),
      coalesce(i.run_at, v_now) - coalesce(i.priority, 0) * interval '60 seconds',
      coalesce(i.max_attempts, t.max_attempts, 4),
      coalesce(hourhand_parts.duration(i.timeout), t.timeout, interval '1 hour'),
      case when i.parent_id is null then 'api' else 'task' end, i.concurrency_key, i.parent_id, v_now
    from input i
    left join hourhand.tasks t on t.name = i.task
    where i.key is null
    order by i.n
    returning id
  ), unkeyed as (
    select id, row_number() over (order by id) as place from runs
  ), places as (
    select n, key, row_number() over (partition by key is null order by n) as place from input
  )
  select coalesce(jsonb_agg(
    coalesce(v_keyed -> p.n::text, jsonb_build_object('id', u.id, 'outcome', 'created')) order by p.n), '[]')
  into v_answers
  from places p
  left join unkeyed u on u.place = p.place and p.key is null;
  if v_answers <> '[]' then
    perform hourhand_parts.wake_workers(v_now);
  end if;
  return v_answers;
end
$$;
