-- Of the runs picked, those that the global limits of their tasks admit. The locks of limited tasks are
-- held until commit, and the count begins after them (see pick_keyed).
create or replace function hourhand_parts.limit_tasks(p_ids bigint[])
returns bigint[]
language plpgsql set search_path = ''
as $$
declare
  v_tasks text[];
begin
  if not exists (select from hourhand.tasks t where t.concurrency is not null) then
    return p_ids;
  end if;
  select array_agg(distinct l.task) into v_tasks
  from hourhand_parts.job_runs_live l
  join hourhand.tasks t on t.name = l.task
  where l.id = any(p_ids) and t.concurrency is not null;
  if v_tasks is null then
    return p_ids;
  end if;
  perform pg_advisory_xact_lock(k)
  from (select hourhand_parts.lock_key('task', task) as k from unnest(v_tasks) task order by 1) locks;
  return array(
    select r.id
    from (
      select l.id, t.concurrency, row_number() over (partition by l.task order by l.claim_at, l.id)
        + case when t.concurrency is null then 0 else (
            select count(*) from hourhand_parts.job_runs_live h
            where h.session_id is not null and h.status = 'processing' and h.task = l.task
          ) end as place
      from hourhand_parts.job_runs_live l
      left join hourhand.tasks t on t.name = l.task
      where l.id = any(p_ids)
    ) r
    where r.concurrency is null or r.place <= r.concurrency
  );
end
$$;
