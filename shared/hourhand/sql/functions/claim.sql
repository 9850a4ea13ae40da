-- Gives a session up to p_max due runs, each with a new token, attempt raised. Repeated with the same
-- p_claim_id it gives the same runs. p_held: how many runs the worker holds now. p_floor: what the last answer gave
-- as its floor, so that a claim need not begin at the beginning; without it nothing changes but the time it takes. p_packed: see claimed_runs;
-- p_columns is what programs of before say, who take a list of runs as well.
create or replace function hourhand.claim(
  p_session uuid,
  p_claim_id uuid default gen_random_uuid(),
  p_max int default 5,
  p_tasks jsonb default '[]',
  p_queues jsonb default null,
  p_held int default 0,
  p_floor jsonb default null,
  p_columns boolean default false,
  p_packed boolean default false
)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
-- Planning anew with each call would be a third of a small claim; enable_seqscan: what was planned when the tables
-- were empty must be right when they are full.
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_queues text[];
  v_tasks text[];
  v_picked bigint[];
  v_ids bigint[] := '{}';
  v_upto timestamptz;
  v_dead bigint;
  v_runs jsonb := case when p_packed then '{}' else '[]' end;
  v_full boolean;
  v_suspect bigint;
  v_suspect_at timestamptz;
  v_tried boolean;
  v_solo boolean;
  v_lost jsonb := jsonb_build_object(
    'now', v_now, 'lost', true, 'runs', v_runs, 'full', false, 'solo', false, 'next_at', null
  );
  v_floor jsonb;
  v_salt text;
begin
  perform hourhand_parts.require_read_committed();
  -- A repeated call waits here for the first to commit.
  perform pg_advisory_xact_lock(hourhand_parts.lock_key('session', p_session::text));
  if not exists (
    select from hourhand.services s where s.id = p_session and s.state = 'open' and s.lease_until > v_now
  ) then
    return v_lost;
  end if;
  if exists (
    select from hourhand_parts.job_runs_live l
    where l.session_id = p_session and l.claim_id = p_claim_id and l.status = 'processing'
  ) then
    return jsonb_build_object(
      'now', v_now, 'lost', false, 'runs', hourhand_parts.claimed_runs(p_session, p_claim_id, p_packed), 'full', true,
      'solo', false, 'next_at', null
    );
  end if;

  if p_floor is not null then
    v_floor := hourhand_parts.known_floor(p_floor, v_now);
  end if;
  v_queues := hourhand_parts.claimable_queues(coalesce(p_queues, v_floor -> 'queues'), v_now);
  v_tasks := hourhand_parts.claimable_tasks(p_tasks);
  select s.id, s.claim_at into v_suspect, v_suspect_at from hourhand_parts.pick_suspect(v_queues, v_tasks, v_now) s;
  -- A worker that holds nothing goes first. If there is none within half a second, the suspect joins what another
  -- holds: waiting for that to end could take hours. Whoever was beside it when it kills again is a suspect
  -- then, too, and is beside none any more.
  v_tried := found and (p_held = 0 or v_suspect_at < v_now - interval '0.5 seconds');
  if v_tried then
    v_picked := hourhand_parts.take_suspect(v_suspect, v_now);
  end if;
  v_solo := coalesce(cardinality(v_picked), 0) > 0;
  if not v_solo then
    v_dead := hourhand_parts.dead_entries();
    select p.ids, p.upto into v_picked, v_upto from hourhand_parts.pick_runs(
      v_queues, v_tasks, p_max, v_now, coalesce((v_floor ->> 'claim_at')::timestamptz, '-infinity'), v_tried
    ) p;
    v_dead := hourhand_parts.dead_entries() - v_dead;
  end if;
  v_full := cardinality(v_picked) >= p_max;
  if not v_solo and (v_floor is not null or v_dead > 1000) then
    -- Without an upto nothing is left at all.
    v_upto := case when v_full then
      coalesce(v_upto, (select max(l.claim_at) from hourhand_parts.job_runs_live l where l.id = any(v_picked)))
    end;
    v_floor := hourhand_parts.next_floor(v_floor, v_dead, case when p_queues is null then v_queues end, v_upto, v_now);
  end if;
  if cardinality(v_picked) > 0 then
    -- Key share: the heartbeat may renew the row meanwhile, a rescuer may not declare it lost. Only now, so that a
    -- claim that finds nothing writes nothing.
    perform from hourhand.services s
    where s.id = p_session and s.state = 'open' and s.lease_until > v_now for key share skip locked;
    if not found then
      return v_lost;
    end if;
    v_ids := hourhand_parts.cap_bytes(v_picked);
    -- A token for each run out of one random number: whoever holds another attempt of a run holds another token.
    v_salt := left(gen_random_uuid()::text, 24);
    update hourhand_parts.job_runs_live l
    set status = 'processing', session_id = p_session, token = (v_salt || lpad(to_hex(l.id), 12, '0'))::uuid,
        claim_id = p_claim_id, claimed_at = v_now, started_at = v_now, attempt = l.attempt + 1
    where l.id = any(v_ids);
    perform hourhand_parts.take_tokens(v_ids, v_now);
    v_runs := hourhand_parts.claimed_runs(p_session, p_claim_id, p_packed);
  end if;
  return jsonb_build_object(
    'now', v_now, 'lost', false, 'runs', v_runs, 'full', v_full and cardinality(v_ids) > 0,
    'solo', v_solo and cardinality(v_ids) > 0, 'floor', v_floor, 'next_at', case when not v_full then least(
      hourhand_parts.next_instant(v_now), hourhand_parts.next_token(p_queues, v_tasks, v_now),
      hourhand_parts.next_place(p_queues, p_tasks, v_now), (v_floor ->> 'until')::timestamptz,
      case when not v_solo then v_suspect_at + interval '0.501 seconds' end
    ) end
  );
end
$$;
