-- Whether a sequence has a live step, or another one that has begun holds its concurrency key: while it waits it is
-- pending, which the key's limit of one processing run does not see.
create or replace function hourhand_parts.must_wait(p_run hourhand.job_runs)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from hourhand_parts.job_runs_live l
    where l.parent_id = p_run.id and l.unique_key like 'hourhand.step %'
  ) or (p_run.progress is null and p_run.concurrency_key is not null and (
    exists (
      select from hourhand_parts.job_runs_live l
      where l.concurrency_key = p_run.concurrency_key and l.status = 'pending' and l.lost_count = 0
        and l.task = 'hourhand.sequence' and l.progress is not null
    ) or exists (
      select from hourhand_parts.job_runs_live l
      where l.concurrency_key = p_run.concurrency_key and l.status = 'pending' and l.lost_count > 0
        and l.task = 'hourhand.sequence' and l.progress is not null
    )
  ))
$$;
