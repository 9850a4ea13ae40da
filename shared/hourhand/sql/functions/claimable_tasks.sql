-- The tasks a worker knows, without those whose global limit is used up: their runs at the head of the
-- queue would hide everybody else's. Only a first look; limit_tasks decides.
create or replace function hourhand_parts.claimable_tasks(p_tasks jsonb)
returns text[]
language sql stable set search_path = ''
as $$
  select coalesce(array_agg(k.name order by k.name), '{}')
  from jsonb_array_elements_text(p_tasks) k(name)
  left join hourhand.tasks t on t.name = k.name
  where t.concurrency is null or t.concurrency > (
    select count(*) from hourhand_parts.job_runs_live h
    where h.session_id is not null and h.status = 'processing' and h.task = k.name
  )
$$;
