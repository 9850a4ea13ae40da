-- True when the attempt with this token has already delivered an outcome.
create or replace function hourhand_parts.was_finished(p_run_id bigint, p_token uuid)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from hourhand.job_run_attempts a
    where a.run_id = p_run_id and a.token = p_token and a.outcome not in ('lost', 'released')
  ) or exists (
    select from hourhand_parts.job_runs_history h
    where h.id = p_run_id and h.token = p_token
      and not exists (
        select from hourhand.job_run_attempts a
        where a.run_id = p_run_id and a.token = p_token and a.outcome in ('lost', 'released')
      )
  )
$$;
