-- A program somewhere tells that it starts, or how it ended: p_signal is start, success, fail or an exit status. Its end
-- becomes a run in history, of the task that is called like the ping and with trigger 'ping'.
create or replace function hourhand.ping(p_id uuid, p_signal text default 'success', p_note text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_ping hourhand_parts.pings;
  v_failed boolean := p_signal not in ('success', '0');
  v_run_id bigint;
begin
  perform hourhand_parts.require_read_committed();
  if p_signal !~ '^(start|success|fail|[0-9]{1,3})$' then
    raise exception 'a ping tells start, fail or an exit status, not "%"', hourhand_parts.shown(p_signal) using errcode = 'PT422';
  end if;
  select * into v_ping from hourhand_parts.pings where id = p_id for update;
  if not found then
    raise exception 'there is no such ping' using errcode = 'PT404', hint = 'See `hourhand ping list`.';
  end if;
  if p_signal = 'start' then
    update hourhand_parts.pings set started_at = v_now where id = p_id;
    return jsonb_build_object('outcome', 'started', 'run_id', null);
  end if;
  v_run_id := nextval('hourhand.job_runs_id_seq');
  insert into hourhand_parts.job_runs_history (
    id, task, queue, status, run_at, claim_at, attempt, max_attempts, timeout, trigger, claimed_at, started_at, finished_at,
    result, error, created_at
  )
  select v_run_id, v_ping.name, 'ping', case when v_failed then 'failed' else 'completed' end, s.at, s.at, 1, 1, v_ping.every,
    'ping', s.at, s.at, v_now, jsonb_strip_nulls(jsonb_build_object('note', left(p_note, 10000))),
    case when v_failed then coalesce(nullif(left(p_note, 2000), ''), case p_signal when 'fail' then 'told that it failed' else 'exit status ' || p_signal end) end,
    s.at
  from (select coalesce(v_ping.started_at, v_now) as at) s;
  update hourhand_parts.pings set pinged_at = v_now, started_at = null, failed = v_failed, run_id = v_run_id where id = p_id;
  return jsonb_build_object('outcome', case when v_failed then 'failed' else 'completed' end, 'run_id', v_run_id);
end
$$;
