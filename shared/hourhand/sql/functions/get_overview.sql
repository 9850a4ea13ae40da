-- What the first page of the admin shows: get_status(), ten firings instead of five, the lag of the last hour's firings
-- in milliseconds, and the latest failures.
create or replace function hourhand.get_overview()
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_status jsonb := hourhand.get_status();
  v_now timestamptz := (v_status ->> 'now')::timestamptz;
begin
  return v_status || jsonb_build_object(
    'next_firings', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'schedule', n.name, 'task', n.task, 'timezone', n.timezone, 'at', n.next_run_at) order by n.next_run_at, n.id), '[]')
      from (
        select s.id, s.name, s.task, s.timezone, s.next_run_at from hourhand.scheduled_jobs s
        where s.is_active and s.error is null and s.next_run_at is not null
        order by s.next_run_at, s.id limit 10
      ) n
    ),
    'lag', (
      select jsonb_build_object(
        'firings', count(*), 'p50', percentile_cont(0.5) within group (order by f.lag_ms),
        'p95', percentile_cont(0.95) within group (order by f.lag_ms))
      from hourhand.schedule_firings f
      where f.decided_at > v_now - interval '1 hour' and f.decision = 'fired' and f.lag_ms is not null
    ),
    'failures', (
      select coalesce(jsonb_agg(hourhand_parts.run_row(r) || jsonb_build_object(
        'schedule', (select s.name from hourhand.scheduled_jobs s where s.id = r.schedule_id)) order by r.id desc), '[]')
      from (select * from hourhand.job_runs r where r.status = 'failed' order by r.id desc limit 8) r
    )
  );
end
$$;
