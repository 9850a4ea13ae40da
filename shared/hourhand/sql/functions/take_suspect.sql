-- Locks a suspect run, unless another claim was faster or a limit is reached after all (counted in statements that
-- begin after the locks are ours, see task_rooms).
create or replace function hourhand_parts.take_suspect(p_id bigint, p_now timestamptz)
returns bigint[]
language plpgsql set search_path = ''
as $$
declare
  v_run hourhand_parts.job_runs_live;
  v_task hourhand.tasks;
begin
  select * into v_run from hourhand_parts.job_runs_live l where l.id = p_id;
  select * into v_task from hourhand.tasks t where t.name = v_run.task;
  perform hourhand_parts.take_locks(
    array_remove(array[v_run.concurrency_key], null),
    case when v_task.concurrency is not null then array[v_run.task] end,
    array(
      select q.name from hourhand.queues q where q.name = v_run.queue and (q.concurrency is not null or q.rate is not null)
    )
  );
  return array(
    select l.id from hourhand_parts.job_runs_live l
    where l.id = p_id and l.status = 'pending'
      and coalesce((hourhand_parts.task_rooms(array[l.task]) ->> l.task)::bigint, 1) > 0
      and coalesce((hourhand_parts.queue_rooms(array[l.queue], p_now) ->> l.queue)::bigint, 1) > 0
      and (l.concurrency_key is null or hourhand_parts.key_limit(l.concurrency_key, v_task.key_concurrency) > (
        select count(*) from hourhand_parts.job_runs_live h
        where h.concurrency_key = l.concurrency_key and h.status = 'processing'
      ))
    for update skip locked
  );
end
$$;
