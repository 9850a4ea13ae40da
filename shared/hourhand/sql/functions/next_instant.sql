-- When the next run or firing is known to be due. A schedule whose instant has just passed counts too:
-- its run is about to appear, and there may be no other hint. One that is late will be fired at any moment
-- where a scheduler is alive, as after an outage; without one, nothing is to be expected of it.
create or replace function hourhand_parts.next_instant(p_now timestamptz)
returns timestamptz
language sql stable set search_path = ''
as $$
  select least(
    (
      select l.run_at from hourhand_parts.job_runs_live l
      where l.status = 'pending' and l.run_at > l.created_at and l.run_at > p_now
      order by l.run_at limit 1
    ),
    (
      select s.next_run_at from hourhand.scheduled_jobs s
      where s.is_active and s.error is null and s.next_run_at >= p_now - interval '3 seconds'
      order by s.next_run_at limit 1
    ),
    (
      select p_now + interval '1 second'
      where exists (
        select from hourhand.scheduled_jobs s
        where s.is_active and s.error is null
          and s.next_run_at < p_now - interval '3 seconds' and s.next_run_at > p_now - interval '1 hour'
      )
      and exists (
        select from hourhand.services v
        where v.kind = 'scheduler' and v.state = 'open' and v.lease_until > p_now
      )
    )
  )
$$;
