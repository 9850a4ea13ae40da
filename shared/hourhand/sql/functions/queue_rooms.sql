-- How many more runs may be started in each of these queues, by name; without those that nothing limits.
-- When it is exact: see task_rooms.
create or replace function hourhand_parts.queue_rooms(p_queues text[], p_now timestamptz)
returns jsonb
language plpgsql set search_path = '' set enable_seqscan = off
as $$
begin
  return (
    select coalesce(jsonb_object_agg(q.name, greatest(least(
      q.concurrency - coalesce(h.running, 0), floor(hourhand_parts.queue_tokens(q, p_now))
    ), 0)::bigint), '{}')
    from hourhand.queues q
    left join (
      select l.queue, count(*) as running from hourhand_parts.job_runs_live l
      where l.session_id is not null and l.status = 'processing' group by l.queue
    ) h on h.queue = q.name
    where q.name = any(p_queues) and (q.concurrency is not null or q.rate is not null)
  );
end
$$;
