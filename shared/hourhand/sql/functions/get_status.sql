-- Everything `hourhand status` shows. A service is late when it has missed its lease, lost when a rescuer said so.
create or replace function hourhand.get_status()
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_hours jsonb;
  v_paused text[] := array(select q.name from hourhand.queues q where q.paused_at is not null order by q.name);
begin
  -- A day of history, read once. Behind the offset the planner does not see a time, of which it would expect as many as
  -- there are rows, and sort them all to group them.
  select coalesce(jsonb_agg(jsonb_build_object('hour', t.hour, 'completed', t.completed, 'failed', t.failed) order by t.hour), '[]')
  into v_hours
  from (
    select e.hour, count(*) filter (where e.status = 'completed') as completed, count(*) filter (where e.status = 'failed') as failed
    from (
      select date_bin('1 hour', h.finished_at, 'epoch') as hour, h.status
      from hourhand_parts.job_runs_history h
      where h.finished_at > v_now - interval '24 hours' offset 0
    ) e
    group by e.hour
  ) t;
  return (
    with live as materialized ( -- read once, too: a backlog may be of millions
      select l.status, l.task, l.queue, count(*) as n, min(l.run_at) filter (where l.run_at <= v_now) as due_since
      from hourhand_parts.job_runs_live l
      group by l.status, l.task, l.queue
    )
    select jsonb_build_object(
      'now', v_now,
      'services', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'id', s.id, 'kind', s.kind, 'name', s.name, 'host', s.host, 'pid', s.pid, 'version', s.version,
          'started_at', s.started_at, 'beat_at', s.beat_at, 'lease', s.lease, 'stats', s.stats,
          'state', case when s.state = 'open' and s.lease_until > v_now then 'alive' when s.state = 'open' then 'late' else s.state end
        ) order by s.kind, s.name, s.started_at), '[]')
        from hourhand.services s
        where s.state = 'open' or (s.state = 'lost' and s.ended_at > v_now - interval '10 minutes')
      ),
      'depth', (
        select coalesce(jsonb_object_agg(d.status, d.n), '{}')
        from (select l.status, sum(l.n) as n from live l group by l.status) d
      ),
      'oldest_pending_s', (
        select extract(epoch from v_now - min(l.due_since)) from live l where l.status = 'pending'
      ),
      'backlog_s', ( -- the same without those of a paused queue: no worker would help them
        select extract(epoch from v_now - min(l.due_since)) from live l where l.status = 'pending' and l.queue <> all (v_paused)
      ),
      'schedules', (
        select jsonb_build_object(
          'active', count(*) filter (where s.is_active), 'paused', count(*) filter (where not s.is_active or s.paused_until > v_now),
          'quarantined', count(*) filter (where s.error is not null),
          'due', count(*) filter (where s.is_active and s.error is null and s.next_run_at <= v_now),
          'late', count(*) filter (where s.is_active and s.error is null and s.next_run_at <= v_now - interval '60 seconds')
        )
        from hourhand.scheduled_jobs s
      ),
      'due_late', (
        select count(*) from hourhand.scheduled_jobs s
        where s.is_active and s.error is null and s.next_run_at <= v_now - interval '60 seconds'
      ),
      'unknown_tasks', (
        select coalesce(jsonb_agg(jsonb_build_object('task', p.task, 'pending', p.n) order by p.task), '[]')
        from (select l.task, sum(l.n) as n from live l where l.status = 'pending' group by l.task) p
        where not exists (
          select from hourhand.services s
          where s.kind = 'worker' and s.state = 'open' and s.lease_until > v_now and s.tasks ? p.task
        )
      ),
      'unserved_queues', ( -- a worker says which queues it takes from when it beats first; none named is every one
        select coalesce(jsonb_agg(jsonb_build_object('queue', p.queue, 'pending', p.n) order by p.queue), '[]')
        from (select l.queue, sum(l.n) as n from live l where l.status = 'pending' group by l.queue) p
        where not exists (
          select from hourhand.services s
          where s.kind in ('worker', 'cli') and s.state = 'open' and s.lease_until > v_now
            and (s.stats -> 'queues' ? p.queue or coalesce(s.stats -> 'queues', '[]') in ('[]', 'null'))
        )
      ),
      'failures_24h', (select coalesce(sum((t.hour ->> 'failed')::bigint), 0) from jsonb_array_elements(v_hours) t(hour)),
      'runs_per_hour', v_hours,
      'next_firings', (
        select coalesce(jsonb_agg(jsonb_build_object('schedule', n.name, 'task', n.task, 'at', n.next_run_at) order by n.next_run_at, n.name), '[]')
        from (
          select s.name, s.task, s.next_run_at from hourhand.scheduled_jobs s
          where s.is_active and s.error is null and s.next_run_at is not null
          order by s.next_run_at, s.id limit 5
        ) n
      ),
      'paused_queues', to_jsonb(v_paused),
      'pauses', (
        select coalesce(jsonb_object_agg(q.name, jsonb_build_object('paused_at', q.paused_at, 'note', q.pause_note)), '{}')
        from hourhand.queues q where q.name = any(v_paused)
      )
    )
  );
end
$$;
