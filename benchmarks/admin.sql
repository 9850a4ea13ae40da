-- A week of history for benchmarks/admin.py; :runs and :schedules are numbers.
select setval('hourhand.job_runs_id_seq', :runs);
insert into hourhand.tasks (name, first_seen_at, last_seen_at)
select 'task-' || n, now(), now() from generate_series(0, 49) n;
insert into hourhand.scheduled_jobs
  (id, name, task, every, tags, next_run_at, created_at, updated_at, rank_intervals, is_active, description)
overriding system value
select n, 'schedule-' || n, 'task-' || n % 50, interval '1 hour', array['group-' || n % 7], now() + n * interval '1 s',
  now(), now(), case n when 1 then '{"81": "1 day", "1": "5 days"}'::jsonb end, n % 20 > 0, 'Does what it does.'
from generate_series(1, :schedules) n;
insert into hourhand.schedule_items (schedule_id, item_key, rank, next_run_at, created_at)
select 1, 'item-' || n, 1 + n % 100, now() + n * interval '1 minute', now() from generate_series(1, 10000) n;
create temporary table moments as
  select n as id, now() - (:runs - n) * (interval '7 days' / :runs) as at, n % 50 = 0 as failed,
    1 + n % :schedules as schedule_id
  from generate_series(1, :runs) n;
insert into hourhand_parts.job_runs_history
  (id, schedule_id, scheduled_for, task, queue, status, run_at, claim_at, attempt, max_attempts, timeout, trigger,
   created_at, claimed_at, started_at, finished_at, error, result)
select m.id, m.schedule_id, m.at, 'task-' || m.schedule_id % 50, 'queue-' || m.id % 4,
  case when m.failed then 'failed' else 'completed' end, m.at, m.at, 1, 4, interval '1 hour', 'schedule', m.at, m.at,
  m.at, m.at + interval '900 ms', case when m.failed then 'ValueError: line ' || m.id || ' of the feed is broken' end,
  '{"items": 12}'
from moments m;
insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, run_id, decided_at, lag_ms)
select m.schedule_id, m.at, 'fired', m.id, m.at, m.id % 40 from moments m;
insert into hourhand.schedule_firings (schedule_id, scheduled_for, scheduled_until, count, decision, decided_at)
select n, now() - interval '9 days', now() - interval '8 days', 24, 'missed', now() - interval '8 days'
from generate_series(1, least(500, :schedules)) n;
insert into hourhand.job_run_attempts
  (run_id, attempt, token, outcome, error_class, message, traceback, started_at, ended_at)
select m.id, 1, gen_random_uuid(), 'failed', 'ValueError', 'line ' || m.id || ' of the feed is broken',
  'Traceback (most recent call last):' || repeat(
    E'\n  File "/srv/app/feeds/parse_' || m.id / 50 % 30 || '.py", line 42, in parse_entry\n    return read(entry)', 12),
  m.at, m.at + interval '900 ms'
from moments m where m.failed;
insert into hourhand_parts.job_runs_live
  (id, task, queue, status, run_at, claim_at, max_attempts, timeout, trigger, created_at)
select nextval('hourhand.job_runs_id_seq'), 'task-' || n % 50, 'queue-' || n % 4, 'pending', now(), now(), 4,
  interval '1 hour', 'api', now()
from generate_series(1, 2000) n;
insert into hourhand.services
  (id, kind, name, host, pid, version, lease, lease_until, started_at, beat_at, tasks)
select gen_random_uuid(), case n when 1 then 'scheduler' else 'worker' end, 'service-' || n, 'host', n, '1', 3600,
  now() + interval '1 day', now(), now(), (select jsonb_agg(t.name) from hourhand.tasks t)
from generate_series(1, 5) n;
insert into hourhand.audit_log (at, actor, action, subject, before, after)
select now() - n * interval '1 minute', 'user-' || n % 9, 'schedule.updated', 'schedule-' || n, '{"priority": 0}',
  '{"priority": 1}'
from generate_series(10000, 1, -1) n;
