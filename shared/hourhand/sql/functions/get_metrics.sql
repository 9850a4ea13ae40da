-- Everything /metrics tells, in one snapshot: counters (never going down, though history is deleted), depth and age of the
-- queues, schedules by state, and the services.
create or replace function hourhand.get_metrics()
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_counted timestamptz := (select w.counted_until from hourhand_parts.watching w);
begin
  return jsonb_build_object(
    'now', v_now,
    'schema_version', (select max(m.version) from hourhand.migrations m),
    'server_version', current_setting('server_version'),
    'counters', (
      select coalesce(jsonb_agg(jsonb_build_object('metric', c.metric, 'labels', c.labels, 'value', c.value)
        order by c.metric, c.labels), '[]')
      from (
        select e.metric, e.labels, sum(e.value) as value
        from (
          select k.metric, k.labels, k.value from hourhand_parts.counters k
          union all
          select n.metric, n.labels, n.value from hourhand_parts.count_ended(v_counted, v_now) n
        ) e
        group by e.metric, e.labels
      ) c
    ),
    'queues', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'queue', d.queue, 'status', d.status, 'runs', d.n, 'oldest_s', extract(epoch from v_now - d.oldest)
      ) order by d.queue, d.status), '[]')
      from (
        select l.queue, l.status, count(*) as n, min(l.run_at) filter (where l.status = 'pending' and l.run_at <= v_now) as oldest
        from hourhand_parts.job_runs_live l group by l.queue, l.status
      ) d
    ),
    'schedules', (
      select jsonb_build_object(
        'active', count(*) filter (where s.is_active and s.error is null and coalesce(s.paused_until, '-infinity') <= v_now),
        'paused', count(*) filter (where s.error is null and (not s.is_active or s.paused_until > v_now)),
        'stopped', count(*) filter (where s.error is not null)
      )
      from hourhand.scheduled_jobs s
    ),
    'lateness_s', coalesce((
      select extract(epoch from v_now - min(s.next_run_at)) from hourhand.scheduled_jobs s
      where s.is_active and s.error is null and s.next_run_at <= v_now
    ), 0),
    'services', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'kind', s.kind, 'name', s.name, 'version', s.version, 'beat_age_s', extract(epoch from v_now - s.beat_at),
        'started_at', s.started_at, 'stats', s.stats,
        'state', case when s.state = 'open' and s.lease_until > v_now then 'alive' when s.state = 'open' then 'late' else s.state end
      ) order by s.kind, s.name, s.started_at), '[]')
      from hourhand.services s
      where s.kind <> 'cli' and (s.state = 'open' or (s.state = 'lost' and s.ended_at > v_now - interval '10 minutes'))
    ),
    'alerts', (
      select coalesce(jsonb_object_agg(a.rule, a.n), '{}')
      from (select a.rule, count(*) as n from hourhand_parts.alerts a where a.closed_at is null group by a.rule) a
    ),
    'messages_waiting', (select count(*) from hourhand_parts.messages m where m.due_at <= v_now)
  );
end
$$;
