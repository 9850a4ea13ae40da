-- Which of the due runs are the first p_max that the limits admit: how many of each lane, and single runs by id.
-- A run beyond the limit of its queue still counts for its task; the next claim, without that queue, sets it right.
create or replace function hourhand_parts.share_out(
  p_queues text[], p_tasks text[], p_since timestamptz[], p_low boolean, p_keys text[],
  p_task_rooms jsonb, p_queue_rooms jsonb, p_depth int, p_max int, p_now timestamptz,
  out shares int[], out singles bigint[], out upto timestamptz
)
language plpgsql set search_path = ''
as $$
declare
  v_rooms bigint[] := array(
    select least((p_task_rooms ->> b.task)::bigint, (p_queue_rooms ->> b.queue)::bigint)
    from unnest(p_queues, p_tasks) with ordinality b(queue, task, n) order by b.n
  );
begin
  with admitted as materialized (
    select q.lane, q.id, q.claim_at
    from (
      select t.*, row_number() over (partition by t.queue order by t.claim_at, t.id) as queue_place
      from (
        select d.*, row_number() over (partition by d.task order by d.claim_at, d.id) as task_place
        from hourhand_parts.due_runs(p_queues, p_tasks, p_since, v_rooms, p_low, p_keys, p_depth, p_now) d
      ) t
      where coalesce(t.task_place <= (p_task_rooms ->> t.task)::bigint, true)
    ) q
    where coalesce(q.queue_place <= (p_queue_rooms ->> q.queue)::bigint, true)
    order by q.claim_at, q.id limit p_max
  )
  select
    array(
      select count(a.lane)::int from generate_subscripts(p_queues, 1) b(lane) left join admitted a on a.lane = b.lane
      group by b.lane order by b.lane
    ),
    array(select a.id from admitted a where a.lane is null),
    (select max(a.claim_at) from admitted a)
  into shares, singles, upto;
end
$$;
