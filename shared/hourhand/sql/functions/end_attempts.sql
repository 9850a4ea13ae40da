-- What attempts come to whose runs the caller has locked: the ends of runs, other attempts, and a row of
-- job_run_attempts for each that did not simply complete. Only with the token of the attempt. Gives the ids of those
-- runs. The arrays go together.
create or replace function hourhand_parts.end_attempts(
  p_ids bigint[], p_tokens uuid[], p_outcomes text[], p_results jsonb[], p_errors jsonb[],
  p_delays double precision[], p_started_at timestamptz[], p_durations double precision[], p_now timestamptz
)
returns bigint[]
language plpgsql set search_path = ''
as $$
declare
  v_end record;
begin
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
    from unnest(p_ids, p_tokens, p_outcomes, p_results, p_errors, p_delays, p_started_at)
      i(id, token, outcome, result, error, delay, started_at)
    join hourhand_parts.job_runs_live l on l.id = i.id and l.token = i.token
    where l.id = any(p_ids)
  ) d;

  if v_end.notable then
    insert into hourhand.job_run_attempts (
      run_id, attempt, token, outcome, error_class, message, traceback, started_at, ended_at, duration_ms,
      session_id, worker
    )
    select
      i.id, l.attempt, i.token, i.outcome, i.error ->> 'class', i.error ->> 'message', i.error ->> 'traceback',
      least(greatest(coalesce(i.started_at, l.started_at), l.claimed_at), p_now), p_now, i.duration_ms,
      l.session_id, s.name
    from unnest(p_ids, p_tokens, p_outcomes, p_errors, p_started_at, p_durations)
      i(id, token, outcome, error, started_at, duration_ms)
    join hourhand_parts.job_runs_live l on l.id = i.id and l.token = i.token
    left join hourhand.services s on s.id = l.session_id
    where l.id = any(p_ids) and i.outcome <> 'completed';
  end if;
  -- Those that come back first: a sequence among them may wait for a step among the others.
  if v_end.back_ids is not null then
    perform hourhand_parts.return_runs(v_end.back_ids, v_end.back_delays, v_end.back_given, v_end.back_lost, p_now);
    perform hourhand_parts.wake_waiting(array_agg(l.task), array_agg(l.queue), array_agg(l.concurrency_key), p_now)
    from hourhand_parts.job_runs_live l where l.id = any(v_end.back_ids);
  end if;
  if v_end.ids is not null then
    perform hourhand_parts.end_runs(v_end.ids, v_end.status, v_end.results, v_end.errors, v_end.started, p_now);
  end if;
  return v_end.ids || v_end.back_ids;
end
$$;
