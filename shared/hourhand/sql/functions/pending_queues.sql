-- All queues with pending runs, found by jumping along the indexes.
create or replace function hourhand_parts.pending_queues()
returns jsonb
language plpgsql set search_path = '' set enable_seqscan = off
as $$
begin
  return (
    with recursive jump as (
      select min(queue) as queue from hourhand_parts.job_runs_live where status = 'pending' and lost_count = 0
        and concurrency_key is null
      union all
      select (
        select min(l.queue) from hourhand_parts.job_runs_live l
        where l.status = 'pending' and l.lost_count = 0 and l.concurrency_key is null and l.queue > jump.queue
      ) from jump where jump.queue is not null
    ), keyed as (
      select min(queue) as queue from hourhand_parts.job_runs_live where status = 'pending' and lost_count = 0
        and concurrency_key is not null
      union all
      select (
        select min(l.queue) from hourhand_parts.job_runs_live l
        where l.status = 'pending' and l.lost_count = 0 and l.concurrency_key is not null and l.queue > keyed.queue
      ) from keyed where keyed.queue is not null
    ), suspect as (
      select distinct queue from hourhand_parts.job_runs_live where status = 'pending' and lost_count > 0
    )
    select coalesce(jsonb_agg(queue order by queue), '[]')
    from (
      select queue from jump union select queue from keyed union select queue from suspect
    ) q where queue is not null
  );
end
$$;
