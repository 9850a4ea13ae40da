-- Records the outcomes of attempts. Each counts only with the token of the attempt; repeated, it answers
-- 'already', and 'stale' when the run has gone on without this worker.
create or replace function hourhand.finish(p_session uuid, p_results jsonb default '[]')
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
set plan_cache_mode = force_generic_plan set enable_seqscan = off  -- as for claim
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_ids bigint[];
  v_tokens uuid[];
  v_outcomes text[];
  v_payloads jsonb[];
  v_errors jsonb[];
  v_delays double precision[];
  v_started timestamptz[];
  v_durations double precision[];
  v_end record;
  v_answers jsonb;
begin
  perform hourhand_parts.require_read_committed();
  select array_agg(r.id), array_agg(r.token), array_agg(r.outcome), array_agg(nullif(r.result, 'null')),
    array_agg(nullif(r.error, 'null')), array_agg(r.delay), array_agg(r.started_at), array_agg(r.duration_ms)
  into v_ids, v_tokens, v_outcomes, v_payloads, v_errors, v_delays, v_started, v_durations
  from jsonb_to_recordset(p_results) r(
    id bigint, token uuid, outcome text, result jsonb, error jsonb, delay double precision,
    started_at timestamptz, duration_ms double precision
  );
  if v_ids is null then
    return jsonb_build_object('now', v_now, 'results', '[]'::jsonb);
  end if;
  if exists (
    select from unnest(v_outcomes) o
    where o is null or o not in ('completed', 'failed', 'cancelled', 'retry', 'snooze')
  ) then
    raise exception 'an outcome is not one of completed, failed, cancelled, retry, snooze' using errcode = 'PT422';
  end if;
  perform hourhand_parts.lock_runs(v_ids);

  -- What each matching attempt comes to: a cancel that was asked for wins over another try.
  select
    array_agg(d.id) filter (where d.status is not null) as ids,
    array_agg(d.status) filter (where d.status is not null) as status,
    array_agg(d.result) filter (where d.status is not null) as results,
    array_agg(d.error) filter (where d.status is not null) as errors,
    array_agg(d.started_at) filter (where d.status is not null) as started,
    array_agg(d.id) filter (where d.status is null) as back_ids,
    array_agg(d.delay) filter (where d.status is null) as back_delays,
    array_agg(d.given_back) filter (where d.status is null) as back_given,
    array_agg(0) filter (where d.status is null) as back_lost,
    bool_or(d.outcome <> 'completed') as notable
  into v_end
  from (
    select
      i.id, i.result, i.started_at, i.outcome,
      case
        when i.outcome in ('completed', 'failed', 'cancelled') then i.outcome
        when l.cancel_requested_at is not null then 'cancelled'
        when i.outcome = 'retry' and l.attempt - l.lost_count >= l.max_attempts then 'failed'
      end as status,
      case when i.outcome <> 'completed' then
        left(coalesce(nullif(concat_ws(': ', i.error ->> 'class', i.error ->> 'message'), ''), l.cancel_reason), 65536)
      end as error,
      case
        -- What a sequence waits for may have ended while it looked.
        when l.task = 'hourhand.sequence' and i.outcome = 'snooze' and not hourhand_parts.must_wait(l) then 0
        else greatest(coalesce(i.delay, 0), 0)
      end as delay,
      case when i.outcome = 'snooze' then 1 else 0 end as given_back
    from unnest(v_ids, v_tokens, v_outcomes, v_payloads, v_errors, v_delays, v_started)
      i(id, token, outcome, result, error, delay, started_at)
    join hourhand_parts.job_runs_live l on l.id = i.id and l.token = i.token
    where l.id = any(v_ids)
  ) d;

  if v_end.notable then
    insert into hourhand.job_run_attempts (
      run_id, attempt, token, outcome, error_class, message, traceback, started_at, ended_at, duration_ms,
      session_id, worker
    )
    select
      i.id, l.attempt, i.token, i.outcome, i.error ->> 'class', i.error ->> 'message', i.error ->> 'traceback',
      least(greatest(coalesce(i.started_at, l.started_at), l.claimed_at), v_now), v_now, i.duration_ms,
      l.session_id, s.name
    from unnest(v_ids, v_tokens, v_outcomes, v_errors, v_started, v_durations)
      i(id, token, outcome, error, started_at, duration_ms)
    join hourhand_parts.job_runs_live l on l.id = i.id and l.token = i.token
    left join hourhand.services s on s.id = l.session_id
    where l.id = any(v_ids) and i.outcome <> 'completed';
  end if;
  -- Those that come back first: a sequence among them may wait for a step among the others.
  if v_end.back_ids is not null then
    perform hourhand_parts.return_runs(v_end.back_ids, v_end.back_delays, v_end.back_given, v_end.back_lost, v_now);
    perform hourhand_parts.wake_waiting(array_agg(l.task), array_agg(l.queue), array_agg(l.concurrency_key), v_now)
    from hourhand_parts.job_runs_live l where l.id = any(v_end.back_ids);
  end if;
  if v_end.ids is not null then
    perform hourhand_parts.end_runs(v_end.ids, v_end.status, v_end.results, v_end.errors, v_end.started, v_now);
  end if;

  if cardinality(v_ids) = coalesce(cardinality(v_end.ids), 0) + coalesce(cardinality(v_end.back_ids), 0) then
    -- Most calls by far: as text it costs a third of building each object.
    v_answers := ('[{"outcome": "ok", "id": ' || array_to_string(v_ids, '}, {"outcome": "ok", "id": ') || '}]')::jsonb;
  else
    -- A second statement, which sees what a racing replay has committed while this one waited for its locks.
    select jsonb_agg(jsonb_build_object('id', i.id, 'outcome', case
        when i.id = any(v_end.ids || v_end.back_ids) then 'ok'
        when hourhand_parts.was_finished(i.id, i.token) then 'already'
        else 'stale'
      end) order by i.n)
    into v_answers
    from unnest(v_ids, v_tokens) with ordinality i(id, token, n);
  end if;
  return jsonb_build_object('now', v_now, 'results', v_answers);
end
$$;
