-- Fires a fleet schedule: one run for each due item without a live run, the most overdue first, at most
-- rank_intervals.limit of them (1000). A high rank goes first among runs of the same age. Null when the instant had been
-- decided before.
create or replace function hourhand_parts.fire_items(p_schedule hourhand.scheduled_jobs, p_run jsonb, p_now timestamptz)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_at timestamptz := (p_run ->> 'at')::timestamptz;
  v_limit bigint := coalesce((p_schedule.rank_intervals ->> 'limit')::bigint, 1000);
  v_due bigint;
  v_fired jsonb;
begin
  select count(*) into v_due from hourhand.schedule_items i
  where i.schedule_id = p_schedule.id and i.run_id is null and i.next_run_at <= p_now;
  insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, reason, decided_at, lag_ms)
  values (
    p_schedule.id, v_at, 'fired', format('%s of %s due items', least(v_due, v_limit), v_due),
    p_now, extract(epoch from p_now - v_at) * 1000
  )
  on conflict do nothing;
  if not found then
    return null;
  end if;
  with due as (
    select i.item_key, i.rank, i.payload from hourhand.schedule_items i
    where i.schedule_id = p_schedule.id and i.run_id is null and i.next_run_at <= p_now
    order by i.next_run_at, i.item_key
    limit v_limit
  ), runs as materialized (
    select r.*
    from due d
    cross join lateral hourhand_parts.new_run(
      hourhand_parts.schedule_job(p_schedule) || jsonb_build_object(
        'payload', p_schedule.payload || d.payload || jsonb_build_object('item', d.item_key, 'rank', d.rank),
        'priority', least(100, p_schedule.priority + d.rank / 10), 'item_key', d.item_key,
        'scheduled_for', v_at, 'run_at', coalesce(p_run ->> 'run_at', p_run ->> 'at'),
        'trigger', coalesce(p_run ->> 'trigger', 'schedule'), 'trace_context', p_run -> 'trace_context'
      ),
      p_now
    ) r
  ), inserted as (
    insert into hourhand_parts.job_runs_live select * from runs
  ), held as (
    update hourhand.schedule_items i set run_id = r.id
    from runs r where i.schedule_id = p_schedule.id and i.item_key = r.item_key
  )
  select coalesce(jsonb_agg(
    jsonb_build_object('id', r.id, 'at', v_at, 'decision', 'fired', 'item', r.item_key) order by r.id), '[]')
  into v_fired
  from runs r;
  return v_fired;
end
$$;
