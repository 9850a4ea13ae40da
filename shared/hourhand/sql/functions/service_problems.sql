-- Services that fell silent within the last day and were followed by none of their kind; queues in which a run has waited
-- too long; and pings that did not come, or told of a failure.
create or replace function hourhand_parts.service_problems(p_backlog interval, p_now timestamptz)
returns table (rule text, subject text, summary text, details jsonb)
language sql stable set search_path = ''
as $$
  select 'silent', s.kind || ' ' || s.name,
    format('%s %s (pid %s on %s) has been silent since %s', s.kind, s.name, s.pid, s.host,
      to_char(s.beat_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')),
    jsonb_build_object('service', s.kind, 'name', s.name, 'host', s.host)
  from (
    select distinct on (s.kind, s.name) s.* from hourhand.services s
    where s.kind <> 'cli' and s.beat_at > p_now - interval '2 days' order by s.kind, s.name, s.started_at desc
  ) s
  where s.state <> 'closed' and s.lease_until <= p_now - interval '30 seconds' and s.lease_until > p_now - interval '1 day'
    and not exists (select from hourhand.services n where n.kind = s.kind and n.id <> s.id and n.started_at > s.beat_at)
  union all
  select 'backlog', 'queue ' || l.queue,
    format('runs in queue %s have been waiting for more than %s s', l.queue, extract(epoch from p_backlog)::bigint),
    jsonb_build_object('queue', l.queue, 'waiting', count(*), 'run_id', min(l.id))
  from hourhand_parts.job_runs_live l
  where l.status = 'pending' and l.run_at <= p_now - p_backlog
    and not exists (select from hourhand.queues q where q.name = l.queue and q.paused_at is not null)
  group by l.queue
  union all
  select 'ping', 'ping ' || p.name,
    case when p.failed then format('%s has told that it failed', p.name) else format('%s has not been heard of since %s', p.name,
      to_char(coalesce(p.pinged_at, p.created_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')) end,
    jsonb_build_object('ping', p.name, 'run_id', p.run_id)
  from hourhand_parts.pings p
  where p.failed or coalesce(p.pinged_at, p.created_at) + p.every + p.grace <= p_now
$$;
