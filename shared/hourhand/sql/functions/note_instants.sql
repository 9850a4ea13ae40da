-- Writes into the ledger what an entry of fire() says about instants that do not run; the schedule is locked.
create or replace function hourhand_parts.note_instants(p_schedule hourhand.scheduled_jobs, p_notes jsonb, p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_grown boolean;
begin
  -- In a pause one instant after the other passes for the same reason: they are one stretch, which grows. It must end
  -- where the cursor was left, so that nothing undecided lies within it.
  update hourhand.schedule_firings f
  set scheduled_until = coalesce(n.until, n."from"), count = f.count + coalesce(n.count, 1), decided_at = p_now
  from jsonb_to_record(p_notes -> 0)
    n("from" timestamptz, until timestamptz, count bigint, decision text, reason text)
  where f.schedule_id = p_schedule.id
    and f.scheduled_for = (select max(l.scheduled_for) from hourhand.schedule_firings l where l.schedule_id = p_schedule.id)
    and coalesce(f.scheduled_until, f.scheduled_for) = p_schedule.decided_until
    and n."from" = p_schedule.next_run_at and n."from" > p_schedule.decided_until
    and n.decision in ('paused', 'excluded') and f.decision = n.decision and f.reason = n.reason;
  v_grown := found;
  insert into hourhand.schedule_firings
    (schedule_id, scheduled_for, scheduled_until, count, decision, reason, decided_at, lag_ms)
  select p_schedule.id, n."from", n.until, coalesce(n.count, 1), n.decision, n.reason, p_now,
    extract(epoch from p_now - n."from") * 1000
  from jsonb_to_recordset(p_notes)
    n("from" timestamptz, until timestamptz, count bigint, decision text, reason text)
  where not v_grown or n."from" <> p_schedule.next_run_at
  on conflict do nothing;
end
$$;
