-- The facts from which `hourhand schedule why` says what happened at an instant, or why nothing did: what the ledger says
-- and its run, the schedule as it was then, who paused or changed it, when schedulers lived, and what stands in the way now.
create or replace function hourhand.explain_firing(p_schedule text, p_at timestamptz default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_at timestamptz := coalesce(p_at, v_now);
  v_schedule hourhand.scheduled_jobs := hourhand_parts.read_schedule(p_schedule);
  v_firing hourhand.schedule_firings := hourhand_parts.find_firing(v_schedule.id, v_at);
  v_run jsonb := (select hourhand_parts.run_row(r) from hourhand.job_runs r where r.id = v_firing.run_id);
begin
  return jsonb_build_object(
    'now', v_now, 'at', v_at, 'schedule', hourhand_parts.schedule_json(v_schedule),
    'firing', case when v_firing.schedule_id is not null then to_jsonb(v_firing) end,
    'run', v_run,
    'made_up_by', (
      -- Decided together with it; perhaps that one was kept by a run that was not over.
      select jsonb_build_object('scheduled_for', f.scheduled_for, 'decision', f.decision, 'run_id', f.run_id)
      from hourhand.schedule_firings f
      where f.schedule_id = v_schedule.id and f.scheduled_for > v_at and f.decision in ('fired', 'skipped_overlap')
        and v_firing.decision = 'coalesced' and f.decided_at = v_firing.decided_at
      order by f.scheduled_for limit 1
    ),
    'next_firing', (
      select jsonb_build_object('scheduled_for', f.scheduled_for, 'decision', f.decision)
      from hourhand.schedule_firings f where f.schedule_id = v_schedule.id and f.scheduled_for > v_at
      order by f.scheduled_for limit 1
    ),
    'then', hourhand_parts.schedule_at(v_schedule, v_at),
    'pause', hourhand_parts.last_pause(v_schedule, least(v_at, v_now)),
    'next_change', (
      select jsonb_build_object('at', a.at, 'actor', a.actor) from hourhand_parts.schedule_audit(v_schedule) a
      where a.action = 'schedule.changed' and a.at > v_at
      order by a.at limit 1
    ),
    'schedulers', hourhand_parts.schedulers_at(v_at, v_now),
    'live_run', (
      select hourhand_parts.run_row(r) from hourhand.job_runs r
      where r.schedule_id = v_schedule.id and r.status in ('pending', 'processing') order by r.id limit 1
    ),
    'task_is_known', exists (
      select from hourhand.services s
      where s.kind = 'worker' and s.state = 'open' and s.lease_until > v_now and s.tasks ? v_schedule.task
    )
  );
end
$$;
