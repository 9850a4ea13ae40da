-- Takes the runs of sessions whose lease has ended back into the queue. The dead session's row is locked
-- (skipping those another rescuer or a claim holds) and checked again, then marked lost, then its runs move.
create or replace function hourhand.rescue(p_limit int default 100)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off set lock_timeout = '2s'
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_sessions uuid[];
  v_ids bigint[];
  v_fail bigint[];
  v_cancel bigint[];
  v_back bigint[];
begin
  perform hourhand_parts.require_read_committed();
  -- Lost sessions that still hold runs come again: more runs than p_limit are moved in several calls.
  v_sessions := array(
    select s.id from hourhand.services s
    where (s.state = 'open' and s.lease_until <= v_now)
      or (s.state in ('lost', 'closed') and s.id in (
        select l.session_id from hourhand_parts.job_runs_live l where l.status = 'processing'
      ))
    order by s.id
    limit p_limit
    for update skip locked
  );
  if cardinality(v_sessions) = 0 then
    return jsonb_build_object('now', v_now, 'sessions', 0, 'runs', 0, 'failed', 0);
  end if;
  update hourhand.services set state = 'lost', ended_at = v_now
  where id = any(v_sessions) and state = 'open';
  v_ids := array(
    select l.id from hourhand_parts.job_runs_live l
    where l.session_id = any(v_sessions) and l.status = 'processing' order by l.id limit greatest(p_limit, 1000)
  );
  perform hourhand_parts.lock_runs(v_ids);
  v_ids := array(
    select l.id from hourhand_parts.job_runs_live l where l.id = any(v_ids) and l.session_id = any(v_sessions)
  );
  insert into hourhand.job_run_attempts
    (run_id, attempt, token, outcome, message, started_at, ended_at, session_id, worker)
  select l.id, l.attempt, l.token, 'lost',
    format('worker %s was lost: its lease ended at %s', s.name, to_char(s.lease_until at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')),
    l.started_at, v_now, l.session_id, s.name
  from hourhand_parts.job_runs_live l
  join hourhand.services s on s.id = l.session_id
  where l.id = any(v_ids);
  select array_agg(l.id) filter (where l.cancel_requested_at is not null),
    array_agg(l.id) filter (where l.cancel_requested_at is null and l.lost_count >= 2),
    array_agg(l.id) filter (where l.cancel_requested_at is null and l.lost_count < 2)
  into v_cancel, v_fail, v_back
  from hourhand_parts.job_runs_live l where l.id = any(v_ids);
  if v_cancel is not null then
    perform hourhand_parts.cancel_locked(v_cancel, v_now);
  end if;
  if v_fail is not null then
    perform hourhand_parts.end_runs(
      v_fail, array_fill('failed'::text, array[cardinality(v_fail)]), array_fill(null::jsonb, array[cardinality(v_fail)]),
      array_fill('worker lost 3 times'::text, array[cardinality(v_fail)]),
      array_fill(null::timestamptz, array[cardinality(v_fail)]), v_now
    );
  end if;
  if v_back is not null then
    perform hourhand_parts.return_runs(
      v_back, array_fill(0::double precision, array[cardinality(v_back)]),
      array_fill(0, array[cardinality(v_back)]), array_fill(1, array[cardinality(v_back)]), v_now
    );
    perform pg_notify('hourhand_runs', '');
  end if;
  return jsonb_build_object(
    'now', v_now, 'sessions', cardinality(v_sessions), 'runs', cardinality(v_ids), 'failed', coalesce(cardinality(v_fail), 0)
  );
end
$$;
