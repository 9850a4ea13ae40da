-- One entry of fire(); the schedule's row is locked.
create or replace function hourhand_parts.fire_one(
  p_session uuid, p_firing jsonb, p_schedule hourhand.scheduled_jobs, p_now timestamptz
)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_entry bigint := hourhand_parts.entry_key(p_session, p_firing);
  v_latest timestamptz;
  v_runs jsonb := '[]';
  v_run jsonb;
  v_decided jsonb;
  v_buffered int := coalesce(jsonb_array_length(p_firing -> 'runs'), 0);
  v_fired int := 0;
  v_holder bigint;
  v_backfill_at timestamptz;
  v_then timestamptz;
begin
  if p_schedule.id is null then
    return jsonb_build_object('schedule_id', p_firing -> 'schedule_id', 'outcome', 'gone', 'runs', v_runs);
  end if;
  if not p_schedule.is_active or p_schedule.error is not null
    or p_schedule.revision is distinct from (p_firing ->> 'revision')::bigint
    or p_schedule.next_run_at is distinct from (p_firing ->> 'next_run_at')::timestamptz
  then
    if p_schedule.last_entry = v_entry then
      return hourhand_parts.fire_again(p_firing, p_schedule);
    end if;
    return jsonb_build_object(
      'schedule_id', p_schedule.id, 'outcome', 'lost', 'runs', v_runs,
      'revision', p_schedule.revision, 'next_run_at', p_schedule.next_run_at
    );
  end if;
  if p_firing ->> 'error' is not null then
    return hourhand_parts.quarantine(p_schedule, p_firing ->> 'error', v_entry);
  end if;
  v_then := (p_firing ->> 'then')::timestamptz;
  select greatest(
    (select max((r ->> 'at')::timestamptz) from jsonb_array_elements(p_firing -> 'runs') r),
    (select max(coalesce((n ->> 'until')::timestamptz, (n ->> 'from')::timestamptz)) from jsonb_array_elements(p_firing -> 'notes') n)
  ) into v_latest;
  if v_latest > p_now then
    return jsonb_build_object(
      'schedule_id', p_schedule.id, 'outcome', 'early', 'runs', v_runs,
      'early_ms', ceil(extract(epoch from v_latest - p_now) * 1000)
    );
  end if;

  -- Live before this firing; the runs of one catch-up do not count against each other. Those of a backfill keep no
  -- firing from its turn: it waits for the one that runs, and goes before those that wait.
  select l.id into v_holder from hourhand_parts.job_runs_live l
  where l.schedule_id = p_schedule.id and l.trigger <> 'backfill' order by l.id limit 1;
  select min(l.claim_at) into v_backfill_at from hourhand_parts.job_runs_live l
  where l.schedule_id = p_schedule.id and l.trigger = 'backfill';
  for v_run in select r from jsonb_array_elements(p_firing -> 'runs') r order by r ->> 'at' loop
    if p_schedule.rank_intervals is not null then
      v_decided := hourhand_parts.fire_items(p_schedule, v_run, p_now);
    else
      v_decided := hourhand_parts.fire_instant(p_schedule, v_run, v_holder, v_buffered > 1, v_backfill_at, p_now);
    end if;
    v_runs := v_runs || coalesce(v_decided, '[]');
    v_fired := v_fired + coalesce(v_decided @? '$.decision ? (@ == "fired")', false)::int;
  end loop;
  if p_firing -> 'notes' ->> 0 is not null then
    perform hourhand_parts.note_instants(p_schedule, p_firing -> 'notes', p_now);
  end if;

  update hourhand.scheduled_jobs
  set next_run_at = v_then, last_entry = v_entry, run_count = run_count + v_fired,
      last_run_at = case when v_fired > 0 then p_now else last_run_at end,
      decided_until = greatest(decided_until, v_latest, case when p_schedule.next_run_at is null then p_now end)
  where id = p_schedule.id;
  -- Apart from the cursor, because naming these columns wakes every scheduler.
  if p_schedule.timezone is null and p_firing ->> 'timezone' is not null then
    update hourhand.scheduled_jobs set timezone = p_firing ->> 'timezone', next_run_at = v_then where id = p_schedule.id;
  end if;
  if v_then is null or p_schedule.run_count + v_fired >= p_schedule.max_runs then
    update hourhand.scheduled_jobs set is_active = false where id = p_schedule.id;
  end if;
  return jsonb_build_object(
    'schedule_id', p_schedule.id, 'runs', v_runs,
    'outcome', case when v_latest is null and p_schedule.next_run_at is null then 'planned' else 'fired' end
  );
end
$$;
