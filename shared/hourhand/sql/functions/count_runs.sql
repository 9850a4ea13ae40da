-- Counts the runs created since p_since (24 hours ago) by status, attempt, task or hour, and within each group by
-- status. p_filter: status (text or list), task, queue. A run ends after it was created, so older history stays unread.
create or replace function hourhand.count_runs(
  p_by text default 'status', p_since timestamptz default null, p_until timestamptz default null, p_filter jsonb default '{}'
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_since timestamptz := coalesce(p_since, v_now - interval '24 hours');
  v_groups jsonb;
begin
  if p_by is null or p_by not in ('status', 'attempt', 'task', 'hour') then
    raise exception 'runs are counted by status, attempt, task or hour, not by %', hourhand_parts.shown(p_by) using errcode = 'PT422';
  end if;
  with runs as (
    select l.status, l.attempt, l.task, l.queue, l.created_at from hourhand_parts.job_runs_live l
    where l.created_at >= v_since
    union all
    select h.status, h.attempt, h.task, h.queue, h.created_at from hourhand_parts.job_runs_history h
    where h.finished_at >= v_since and h.created_at >= v_since
  ), counted as (
    select
      case p_by when 'status' then to_jsonb(r.status) when 'attempt' then to_jsonb(r.attempt) when 'task' then to_jsonb(r.task)
        else to_jsonb(date_trunc('hour', r.created_at)) end as name,
      r.status, count(*) as n
    from runs r
    where (p_until is null or r.created_at < p_until)
      and (p_filter -> 'status' is null or p_filter -> 'status' ? r.status)
      and (p_filter ->> 'task' is null or r.task = p_filter ->> 'task')
      and (p_filter ->> 'queue' is null or r.queue = p_filter ->> 'queue')
    group by 1, 2
  ), grouped as (
    select c.name, sum(c.n) as runs, jsonb_object_agg(c.status, c.n) as statuses from counted c group by c.name
  )
  select coalesce(jsonb_agg(jsonb_build_object('group', g.name, 'runs', g.runs, 'statuses', g.statuses) order by g.name), '[]')
  into v_groups from grouped g;
  return jsonb_build_object('now', v_now, 'since', v_since, 'by', p_by, 'groups', v_groups);
end
$$;
