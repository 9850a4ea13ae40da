-- Locks up to p_max due runs, the smallest claim_at first, within the limits of keys, tasks and queues.
-- p_lockless: the caller holds another such lock, and they are taken in order or not at all, so that only runs
-- without a limit can be had. upto: nothing in the lanes without a limit has a smaller claim_at than this any more; null
-- where that is the largest claim_at of the ids.
create or replace function hourhand_parts.pick_runs(
  p_queues text[], p_tasks text[], p_max int, p_now timestamptz, p_since timestamptz, p_lockless boolean,
  out ids bigint[], out upto timestamptz
)
language plpgsql set search_path = ''
as $$
declare
  v_lanes record;
  v_keys text[] := '{}';
  v_limited boolean;
  v_task_rooms jsonb := '{}';
  v_queue_rooms jsonb := '{}';
  v_depth int;
  v_plan record;
begin
  select array_agg(l.queue) as queues, array_agg(l.task) as tasks, array_agg(l.since) as since, count(*) as n,
    bool_or(l.has_keyed) as keyed, bool_or(l.has_low) as low,
    array_agg(distinct l.task) filter (where l.task_limited) as limited_tasks,
    array_agg(distinct l.queue) filter (where l.queue_limited) as limited_queues
  into v_lanes
  from hourhand_parts.open_lanes(p_queues, p_tasks, p_now, p_since) l
  where not p_lockless or not (l.task_limited or l.queue_limited);
  if v_lanes.n = 0 then
    ids := '{}';
    return;
  end if;
  if (v_lanes.keyed or v_lanes.low) and not p_lockless then
    v_keys := hourhand_parts.candidate_keys(v_lanes.queues, v_lanes.tasks, p_max, p_now);
  end if;
  v_limited := v_lanes.limited_tasks is not null or v_lanes.limited_queues is not null;
  if v_limited or cardinality(v_keys) > 0 then
    perform hourhand_parts.take_locks(v_keys, v_lanes.limited_tasks, v_lanes.limited_queues);
    v_task_rooms := hourhand_parts.task_rooms(v_lanes.limited_tasks);
    v_queue_rooms := hourhand_parts.queue_rooms(v_lanes.limited_queues, p_now);
  end if;

  if v_lanes.n = 1 and not v_limited and not v_lanes.low and cardinality(v_keys) = 0 then
    select array[p_max] as shares, '{}'::bigint[] as singles, null::timestamptz as upto into v_plan;
  else
    -- A lane that has given all that was read of it may have more to give: read on.
    v_depth := 8 + 2 * p_max / v_lanes.n;
    loop
      v_depth := least(v_depth, p_max);
      select * into v_plan from hourhand_parts.share_out(
        v_lanes.queues, v_lanes.tasks, v_lanes.since, v_lanes.low, v_keys, v_task_rooms, v_queue_rooms, v_depth, p_max, p_now
      );
      exit when v_depth = p_max or v_depth > all(v_plan.shares);
      v_depth := 4 * v_depth;
    end loop;
  end if;

  -- What others hold is skipped, and the next behind it taken instead.
  ids := array(
    select l.id
    from unnest(v_lanes.queues, v_lanes.tasks, v_lanes.since, v_plan.shares) b(queue, task, since, share)
    cross join lateral (
      select r.id from hourhand_parts.job_runs_live r
      where r.status = 'pending' and r.lost_count = 0 and r.concurrency_key is null
        and r.queue = b.queue and r.task = b.task and r.claim_at between b.since and p_now and r.run_at <= p_now
      order by r.claim_at, r.id limit b.share
      for update skip locked
    ) l
  );
  if cardinality(v_plan.singles) > 0 then
    ids := ids || array(
      select r.id from hourhand_parts.job_runs_live r
      where r.id = any(v_plan.singles) and r.status = 'pending' for update skip locked
    );
  end if;
  upto := v_plan.upto;
end
$$;
