-- The queues to claim from: those asked for, or all with pending runs, without the paused ones.
-- The distinct queues are found by jumping along the index, not by reading it.
create or replace function hourhand_parts.claimable_queues(p_queues jsonb)
returns text[]
language plpgsql stable set search_path = ''
as $$
declare
  v_queues text[];
begin
  if jsonb_typeof(p_queues) = 'array' then
    select array_agg(q) into v_queues from jsonb_array_elements_text(p_queues) q;
  else
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
    select array_agg(queue) into v_queues
    from (
      select queue from jump union select queue from keyed union select queue from suspect
    ) q where queue is not null;
  end if;
  return array(
    select q from unnest(v_queues) q
    where not exists (select from hourhand.queues p where p.name = q and p.paused_at is not null)
    order by q
  );
end
$$;
