-- The services with their heartbeats, those that are gone for an hour at most, each with its tasks and the first of the
-- runs it holds; and the tasks whose runs wait though no worker that is alive knows them.
create or replace function hourhand.list_workers()
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
begin
  return jsonb_build_object(
    'now', v_now,
    'services', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', s.id, 'kind', s.kind, 'name', s.name, 'host', s.host, 'pid', s.pid, 'version', s.version,
        'state', case when s.state = 'open' and s.lease_until > v_now then 'alive' when s.state = 'open' then 'late' else s.state end,
        'started_at', s.started_at, 'beat_at', s.beat_at, 'ended_at', s.ended_at, 'lease', s.lease,
        'stats', s.stats, 'tasks', s.tasks,
        'held', (
          select count(*) from hourhand_parts.job_runs_live l where l.session_id = s.id and l.status = 'processing'
        ),
        'runs', (
          select coalesce(jsonb_agg(jsonb_build_object(
            'id', h.id, 'task', h.task, 'attempt', h.attempt, 'claimed_at', h.claimed_at, 'started_at', h.started_at
          ) order by h.id), '[]')
          from (
            select * from hourhand_parts.job_runs_live l
            where l.session_id = s.id and l.status = 'processing' order by l.id limit 20
          ) h
        )
      ) order by s.kind, s.state <> 'open', s.name, s.started_at), '[]')
      from (
        select * from hourhand.services s
        where s.state = 'open' or s.ended_at > v_now - interval '1 hour'
        order by s.state <> 'open', s.beat_at desc limit 200
      ) s
    ),
    'unknown_tasks', (
      select coalesce(jsonb_agg(jsonb_build_object('task', p.task, 'pending', p.n, 'oldest_at', p.oldest) order by p.task), '[]')
      from (
        select l.task, count(*) as n, min(l.run_at) as oldest
        from hourhand_parts.job_runs_live l where l.status = 'pending' group by l.task
      ) p
      where not exists (
        select from hourhand.services s
        where s.kind = 'worker' and s.state = 'open' and s.lease_until > v_now and s.tasks ? p.task
      )
    )
  );
end
$$;
