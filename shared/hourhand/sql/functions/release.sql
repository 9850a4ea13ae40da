-- Gives runs back at shutdown without using up an attempt: [{"id","token","started"}]. p_close ends the session.
create or replace function hourhand.release(p_session uuid, p_runs jsonb default '[]', p_close boolean default false)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_ids bigint[];
  v_held bigint[];
  v_answers jsonb;
begin
  perform hourhand_parts.require_read_committed();
  -- Before the runs, as rescue() locks them.
  if p_close then
    update hourhand.services set state = 'closed', ended_at = v_now, lease_until = v_now
    where id = p_session and state = 'open';
  end if;
  v_ids := array(select (r ->> 'id')::bigint from jsonb_array_elements(p_runs) r);
  perform hourhand_parts.lock_runs(v_ids);
  v_held := array(
    select l.id from jsonb_to_recordset(p_runs) r(id bigint, token uuid)
    join hourhand_parts.job_runs_live l on l.id = r.id and l.token = r.token
    where l.id = any(v_ids)
  );
  insert into hourhand.job_run_attempts
    (run_id, attempt, token, outcome, message, started_at, ended_at, session_id, worker)
  select l.id, l.attempt, l.token, 'released', 'worker shut down', l.started_at, v_now, l.session_id, s.name
  from jsonb_to_recordset(p_runs) r(id bigint, started boolean)
  join hourhand_parts.job_runs_live l on l.id = r.id
  left join hourhand.services s on s.id = l.session_id
  where l.id = any(v_held) and r.started;
  perform hourhand_parts.give_back(v_held, v_now);
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', (r.value ->> 'id')::bigint,
    'outcome', case when (r.value ->> 'id')::bigint = any(v_held) then 'ok' else 'stale' end) order by r.ordinality), '[]')
  into v_answers
  from jsonb_array_elements(p_runs) with ordinality r;
  return jsonb_build_object('now', v_now, 'results', v_answers);
end
$$;
