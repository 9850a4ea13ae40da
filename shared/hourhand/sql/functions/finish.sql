-- Records the outcomes of attempts. Each counts only with the token of the attempt; repeated, it answers
-- 'already', and 'stale' when the run has gone on without this worker. p_results: an object for each attempt, or one
-- object with an array for each field, which takes half the time: there all have completed when it has no outcomes, and
-- only what is not 'ok' is answered, with the token.
create or replace function hourhand.finish(p_session uuid, p_results jsonb default '[]')
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
set plan_cache_mode = force_generic_plan set enable_seqscan = off  -- as for claim
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_columns boolean := jsonb_typeof(p_results) = 'object';
  v_ids bigint[];
  v_tokens uuid[];
  v_outcomes text[];
  v_payloads jsonb[];
  v_errors jsonb[];
  v_delays double precision[];
  v_started timestamptz[];
  v_durations double precision[];
  v_ended bigint[];
  v_answers jsonb;
begin
  perform hourhand_parts.require_read_committed();
  if v_columns then
    select r.id, r.token, r.outcome, r.delay, r.started_at, r.duration_ms
    into v_ids, v_tokens, v_outcomes, v_delays, v_started, v_durations
    from jsonb_to_record(p_results) r(
      id bigint[], token uuid[], outcome text[], delay double precision[], started_at timestamptz[],
      duration_ms double precision[]
    );
    -- As jsonb[], a value that is itself an array would be taken for a dimension.
    v_payloads := array(select nullif(e, 'null') from jsonb_array_elements(p_results -> 'result') e);
    v_errors := array(select nullif(e, 'null') from jsonb_array_elements(p_results -> 'error') e);
  else
    select array_agg(r.id), array_agg(r.token), array_agg(r.outcome), array_agg(nullif(r.result, 'null')),
      array_agg(nullif(r.error, 'null')), array_agg(r.delay), array_agg(r.started_at), array_agg(r.duration_ms)
    into v_ids, v_tokens, v_outcomes, v_payloads, v_errors, v_delays, v_started, v_durations
    from jsonb_to_recordset(p_results) r(
      id bigint, token uuid, outcome text, result jsonb, error jsonb, delay double precision,
      started_at timestamptz, duration_ms double precision
    );
  end if;
  if coalesce(cardinality(v_ids), 0) = 0 then
    return jsonb_build_object('now', v_now, 'results', '[]'::jsonb);
  end if;
  if cardinality(v_outcomes) <> cardinality(v_ids) or exists (
    select from unnest(v_outcomes) o
    where o is null or o not in ('completed', 'failed', 'cancelled', 'retry', 'snooze')
  ) then
    raise exception 'an outcome is not one of completed, failed, cancelled, retry, snooze' using errcode = 'PT422';
  end if;
  perform hourhand_parts.lock_runs(v_ids);

  if coalesce('completed' = all(v_outcomes), true) then
    v_ended := hourhand_parts.end_runs(v_ids, null, v_payloads, null, v_started, v_now, coalesce(v_tokens, '{}'));
  else
    v_ended := hourhand_parts.end_attempts(
      v_ids, v_tokens, v_outcomes, v_payloads, v_errors, v_delays, v_started, v_durations, v_now
    );
  end if;

  if cardinality(v_ids) = cardinality(v_ended) then
    -- Most calls by far: as text it costs a third of building each object.
    v_answers := case when v_columns then '[]'
      else '[{"outcome": "ok", "id": ' || array_to_string(v_ids, '}, {"outcome": "ok", "id": ') || '}]' end;
  else
    -- A second statement, which sees what a racing replay has committed while this one waited for its locks.
    select coalesce(jsonb_agg(
      jsonb_build_object('id', a.id, 'outcome', a.outcome)
        || case when v_columns then jsonb_build_object('token', a.token) else '{}' end
      order by a.n
    ), '[]')
    into v_answers
    from (
      select i.*, case
          when i.id = any(v_ended) then 'ok'
          when hourhand_parts.was_finished(i.id, i.token) then 'already'
          else 'stale'
        end as outcome
      from unnest(v_ids, v_tokens) with ordinality i(id, token, n)
    ) a
    where not v_columns or a.outcome <> 'ok';
  end if;
  return jsonb_build_object('now', v_now, 'results', v_answers);
end
$$;
