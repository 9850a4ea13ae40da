-- Renews a lease that has not ended, and brings news both ways: which runs the worker holds
-- ([{"id","token"}]), which of them must be cancelled and which are no longer its own. Runs of the session that
-- the worker does not know of (a claim's answer was lost for good) go back after a lease. Null is for who does not
-- know what the worker holds. Rescues others' runs.
create or replace function hourhand.beat(
  p_session uuid,
  p_held jsonb default null,
  p_lease double precision default 30,
  p_stats jsonb default '{}'
)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_until timestamptz := v_now + make_interval(secs => p_lease);
  v_held bigint[] := array(select (h ->> 'id')::bigint from jsonb_array_elements(p_held) h);
  v_orphans bigint[];
  v_cancel jsonb;
  v_stale jsonb;
  v_rescued jsonb;
begin
  perform hourhand_parts.require_read_committed();
  update hourhand.services
  set lease_until = v_until, lease = p_lease, beat_at = v_now, stats = p_stats
  where id = p_session and state = 'open' and lease_until > v_now;
  if not found then
    return jsonb_build_object(
      'now', v_now, 'lost', true, 'lease_until', null, 'cancel', '[]'::jsonb, 'rescued', 0,
      'stale', (select coalesce(jsonb_agg(h -> 'id'), '[]') from jsonb_array_elements(p_held) h)
    );
  end if;
  v_orphans := array(
    select l.id from hourhand_parts.job_runs_live l
    where l.session_id = p_session and l.status = 'processing' and l.claimed_at < v_now - make_interval(secs => p_lease)
      and p_held is not null and l.id <> all(v_held)
  );
  if cardinality(v_orphans) > 0 then
    perform hourhand_parts.lock_runs(v_orphans);
    v_orphans := array(
      select l.id from hourhand_parts.job_runs_live l where l.id = any(v_orphans) and l.session_id = p_session
    );
    perform hourhand_parts.give_back(v_orphans, v_now);
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('id', l.id, 'token', l.token, 'reason', l.cancel_reason) order by l.id), '[]')
  into v_cancel
  from hourhand_parts.job_runs_live l
  where l.session_id = p_session and l.status = 'processing' and l.cancel_requested_at is not null;
  select coalesce(jsonb_agg(h.id order by h.id), '[]') into v_stale
  from jsonb_to_recordset(p_held) h(id bigint, token uuid)
  where not exists (
    select from hourhand_parts.job_runs_live l where l.id = h.id and l.token = h.token
  ) and not hourhand_parts.was_finished(h.id, h.token);  -- completed in its task's own transaction
  begin
    v_rescued := hourhand.rescue();
  exception when lock_not_available then
    -- A task's own transaction holds one of those runs. This lease must not end over it; the next beat looks again.
    v_rescued := '{"runs": 0}';
  end;
  return jsonb_build_object(
    'now', v_now, 'lost', false, 'lease_until', v_until, 'cancel', v_cancel, 'stale', v_stale, 'rescued', v_rescued -> 'runs'
  );
end
$$;
