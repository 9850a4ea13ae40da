-- Fires a fleet schedule: one run for each due item without a live run, the most overdue first, at most
-- rank_intervals.limit of them. A high rank goes first among runs of the same age. Null when the instant had been
-- decided before.
create or replace function hourhand_parts.fire_items(p_schedule hourhand.scheduled_jobs, p_run jsonb, p_now timestamptz)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_at timestamptz := (p_run ->> 'at')::timestamptz;
  v_due bigint;
  v_item hourhand.schedule_items;
  v_run hourhand.job_runs;
  v_fired jsonb := '[]';
begin
  select count(*) into v_due from hourhand.schedule_items i
  where i.schedule_id = p_schedule.id and i.run_id is null and i.next_run_at <= p_now;
  insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, reason, decided_at, lag_ms)
  values (
    p_schedule.id, v_at, 'fired',
    format('%s of %s due items', least(v_due, (p_schedule.rank_intervals ->> 'limit')::bigint), v_due),
    p_now, extract(epoch from p_now - v_at) * 1000
  )
  on conflict do nothing;
  if not found then
    return null;
  end if;
  for v_item in
    select * from hourhand.schedule_items i
    where i.schedule_id = p_schedule.id and i.run_id is null and i.next_run_at <= p_now
    order by i.next_run_at, i.item_key
    limit (p_schedule.rank_intervals ->> 'limit')::bigint
  loop
    v_run := hourhand_parts.new_run(
      hourhand_parts.schedule_job(p_schedule) || jsonb_build_object(
        'payload', p_schedule.payload || v_item.payload || jsonb_build_object('item', v_item.item_key, 'rank', v_item.rank),
        'priority', least(100, p_schedule.priority + v_item.rank / 10),
        'scheduled_for', v_at, 'run_at', coalesce(p_run ->> 'run_at', p_run ->> 'at'), 'trigger', coalesce(p_run ->> 'trigger', 'schedule')
      ),
      p_now
    );
    v_run.item_key := v_item.item_key;
    insert into hourhand_parts.job_runs_live select v_run.*;
    update hourhand.schedule_items set run_id = v_run.id
    where schedule_id = p_schedule.id and item_key = v_item.item_key;
    v_fired := v_fired || jsonb_build_object('id', v_run.id, 'at', v_at, 'decision', 'fired', 'item', v_item.item_key);
  end loop;
  return v_fired;
end
$$;
