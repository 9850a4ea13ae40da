-- How many more runs each of these tasks may have going on, by name; without those that nothing limits. Exact only
-- where the tasks' locks are held, and counted in a statement that began after that: in the snapshot of the claim
-- itself, two workers would both see the slot free.
create or replace function hourhand_parts.task_rooms(p_tasks text[])
returns jsonb
language plpgsql set search_path = '' set enable_seqscan = off
as $$
begin
  return (
    select coalesce(jsonb_object_agg(t.name, greatest(t.concurrency - coalesce(h.running, 0), 0)), '{}')
    from hourhand.tasks t
    left join (
      select l.task, count(*) as running from hourhand_parts.job_runs_live l
      where l.session_id is not null and l.status = 'processing' group by l.task
    ) h on h.task = t.name
    where t.name = any(p_tasks) and t.concurrency is not null
  );
end
$$;
