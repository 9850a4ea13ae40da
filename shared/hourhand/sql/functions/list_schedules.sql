-- Schedules by name, with their last run. p_filter: search, active, task, tag, state (late: due for more than a minute;
-- broken: stopped by an error).
create or replace function hourhand.list_schedules(
  p_filter jsonb default '{}', p_limit int default 1000, p_after text default ''
)
returns jsonb
language sql stable security definer set search_path = '' set jit = off
as $$
  select jsonb_build_object(
    'now', hourhand.clock(),
    'schedules', coalesce(jsonb_agg(hourhand_parts.schedule_json(s) || jsonb_build_object('last_run', (
      select jsonb_build_object('id', r.id, 'status', r.status, 'finished_at', r.finished_at)
      from hourhand.job_runs r where r.schedule_id = s.id order by r.id desc limit 1
    )) order by s.name), '[]')
  )
  from (
    select * from hourhand.scheduled_jobs s
    where s.name > p_after
      and (p_filter ->> 'search' is null or s.name ilike hourhand_parts.containing(p_filter ->> 'search')
        or s.task ilike hourhand_parts.containing(p_filter ->> 'search'))
      and (p_filter ->> 'active' is null or s.is_active = (p_filter ->> 'active')::boolean)
      and (p_filter ->> 'task' is null or s.task = p_filter ->> 'task')
      and (p_filter ->> 'tag' is null or p_filter ->> 'tag' = any(s.tags))
      and case p_filter ->> 'state'
        when 'late' then s.is_active and s.error is null and s.next_run_at <= hourhand.clock() - interval '60 seconds'
        when 'broken' then s.error is not null
        else true
      end
    order by s.name
    limit p_limit
  ) s
$$;
