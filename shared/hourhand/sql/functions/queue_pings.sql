-- Puts into the outbox what the runs of schedules with a ping target have done and was not told yet: the last hundred
-- of each schedule, since the target was set and within an hour.
create or replace function hourhand_parts.queue_pings(p_now timestamptz)
returns void
language sql set search_path = ''
as $$
  insert into hourhand_parts.messages (kind, destination, run_id, body, created_at, due_at)
  select e.kind, 'ping', r.id, jsonb_build_object('url', t.url, 'run_id', r.id, 'summary', left(r.error, 1000)), p_now, p_now
  from hourhand_parts.ping_targets t
  cross join lateral (
    select l.id, l.status, l.claimed_at, l.finished_at, l.error from hourhand_parts.job_runs_live l
    where l.schedule_id = t.schedule_id and l.status = 'processing'
    union all
    (select h.id, h.status, h.claimed_at, h.finished_at, h.error from hourhand_parts.job_runs_history h
     where h.schedule_id = t.schedule_id and h.finished_at > greatest(t.created_at, p_now - interval '1 hour')
       and h.status in ('completed', 'failed')
     order by h.id desc limit 100)
  ) r
  cross join lateral (
    select 'start' as kind, 1 as place where r.claimed_at > t.created_at
    union all
    select case r.status when 'completed' then 'success' else 'fail' end, 2 where r.status <> 'processing'
  ) e
  order by r.id, e.place
  on conflict (run_id, kind) where run_id is not null do nothing
$$;
