-- Takes runs that are being worked on back into their queues, whether their workers live or not: p_limit of those
-- claimed before p_claimed_before (now), at most 1000. Their attempts are not used up; a worker that still works on one
-- is stale from here on and can write nothing more.
create or replace function hourhand.reset_runs(p_claimed_before timestamptz default null, p_limit int default 1000)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_before timestamptz := coalesce(p_claimed_before, v_now);
  v_ids bigint[];
begin
  perform hourhand_parts.require_read_committed();
  v_ids := array(
    select l.id from hourhand_parts.job_runs_live l
    where l.status = 'processing' and l.claimed_at <= v_before order by l.id limit least(greatest(p_limit, 1), 1000)
  );
  perform hourhand_parts.lock_runs(v_ids);
  v_ids := array(
    select l.id from hourhand_parts.job_runs_live l
    where l.id = any(v_ids) and l.status = 'processing' and l.claimed_at <= v_before
  );
  insert into hourhand.job_run_attempts
    (run_id, attempt, token, outcome, message, started_at, ended_at, session_id, worker)
  select l.id, l.attempt, l.token, 'released', 'taken back by hand', l.started_at, v_now, l.session_id, s.name
  from hourhand_parts.job_runs_live l
  left join hourhand.services s on s.id = l.session_id
  where l.id = any(v_ids);
  perform hourhand_parts.give_back(v_ids, v_now);
  if cardinality(v_ids) > 0 then
    perform hourhand_parts.audit('runs.reset', cardinality(v_ids)::text, null, to_jsonb(v_ids));
  end if;
  return jsonb_build_object('now', v_now, 'before', v_before, 'runs', cardinality(v_ids));
end
$$;
