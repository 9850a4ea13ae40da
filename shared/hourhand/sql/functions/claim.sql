-- Gives a session up to p_max due runs, each with a new token, attempt raised. Repeated with the same
-- p_claim_id it gives the same runs. p_held: how many runs the worker holds now.
create or replace function hourhand.claim(
  p_session uuid,
  p_claim_id uuid default gen_random_uuid(),
  p_max int default 5,
  p_tasks jsonb default '[]',
  p_queues jsonb default null,
  p_held int default 0
)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_queues text[];
  v_tasks text[];
  v_picked bigint[] := '{}';
  v_ids bigint[] := '{}';
  v_runs jsonb;
  v_full boolean;
  v_suspect bigint;
  v_suspect_at timestamptz;
  v_tried boolean;
  v_solo boolean;
begin
  perform hourhand_parts.require_read_committed();
  -- A repeated call waits here for the first to commit.
  perform pg_advisory_xact_lock(hourhand_parts.lock_key('session', p_session::text));
  -- Key share: the heartbeat may renew the row meanwhile, a rescuer may not declare it lost.
  perform from hourhand.services
  where id = p_session and state = 'open' and lease_until > v_now for key share;
  if not found then
    return jsonb_build_object('now', v_now, 'lost', true, 'runs', '[]'::jsonb, 'full', false, 'solo', false, 'next_at', null);
  end if;
  v_runs := hourhand_parts.claimed_runs(p_session, p_claim_id);
  if v_runs <> '[]' then
    return jsonb_build_object('now', v_now, 'lost', false, 'runs', v_runs, 'full', true, 'solo', false, 'next_at', null);
  end if;

  v_queues := hourhand_parts.claimable_queues(p_queues);
  v_tasks := hourhand_parts.claimable_tasks(p_tasks);
  select s.id, s.claim_at into v_suspect, v_suspect_at from hourhand_parts.pick_suspect(v_queues, v_tasks, v_now) s;
  -- A worker that holds nothing goes first. If there is none within half a second, the suspect joins what another
  -- holds: waiting for that to end could take hours. Whoever was beside it when it kills again is a suspect
  -- then, too, and is beside none any more.
  v_tried := found and (p_held = 0 or v_suspect_at < v_now - interval '0.5 seconds');
  if v_tried then
    v_picked := hourhand_parts.take_suspect(v_suspect);
  end if;
  v_solo := cardinality(v_picked) > 0;
  if not v_solo then
    -- A suspect that was not got has left the lock of its key, and keys are locked in order or not at all.
    if not v_tried then
      v_picked := hourhand_parts.pick_keyed(v_queues, v_tasks, p_max, v_now);
    end if;
    v_picked := v_picked || hourhand_parts.pick_free(v_queues, v_tasks, p_max, v_now);
    if cardinality(v_picked) < p_max then
      v_picked := v_picked || hourhand_parts.pick_low(v_queues, v_tasks, p_max - cardinality(v_picked), v_now);
    end if;
  end if;

  v_full := cardinality(v_picked) >= p_max;
  if cardinality(v_picked) > 0 then
    if cardinality(v_picked) > p_max then
      v_picked := array(
        select l.id from hourhand_parts.job_runs_live l where l.id = any(v_picked) order by l.claim_at, l.id limit p_max
      );
    end if;
    v_ids := hourhand_parts.cap_bytes(hourhand_parts.limit_tasks(v_picked));
    update hourhand_parts.job_runs_live l
    set status = 'processing', session_id = p_session, token = gen_random_uuid(), claim_id = p_claim_id,
        claimed_at = v_now, started_at = v_now, attempt = l.attempt + 1
    where l.id = any(v_ids);
    v_runs := hourhand_parts.claimed_runs(p_session, p_claim_id);
  end if;
  return jsonb_build_object(
    'now', v_now, 'lost', false, 'runs', v_runs, 'full', v_full and cardinality(v_ids) > 0,
    'solo', v_solo and cardinality(v_ids) > 0, 'next_at', case when not v_full then
      least(hourhand_parts.next_instant(v_now), case when not v_solo then v_suspect_at + interval '0.501 seconds' end)
    end
  );
end
$$;
