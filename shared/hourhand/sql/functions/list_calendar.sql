-- The firings of a time, counted by local hour or day (p_unit, p_zone), and with p_by_schedule by schedule too. A stretch of
-- the ledger that goes over several of them is shared out evenly. 'schedules' are those that are planned to fire before
-- p_until, the next first, with what a timetable is made of; 'planned' counts all of them. p_filter: that of
-- browse_schedules without its state.
create or replace function hourhand.list_calendar(
  p_from timestamptz,
  p_until timestamptz default null,
  p_unit text default 'day',
  p_zone text default 'UTC',
  p_by_schedule boolean default false,
  p_filter jsonb default '{}',
  p_limit int default 200
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_until timestamptz := least(coalesce(p_until, p_from + interval '1 day'), p_from + interval '62 days');
  v_step interval := case p_unit when 'hour' then interval '1 hour' else interval '1 day' end;
  v_answer jsonb;
begin
  with wanted as materialized (
    select f.id, f.name from hourhand_parts.found_schedules(p_filter, v_now) f
  ), decided as (
    select f.schedule_id, f.decision, f.count, f.scheduled_for as first, coalesce(f.scheduled_until, f.scheduled_for) as last
    from hourhand.schedule_firings f
    -- Nothing is decided before its time: the index of decided_at finds the beginning.
    where f.decided_at >= p_from and f.scheduled_for < v_until and coalesce(f.scheduled_until, f.scheduled_for) >= p_from
  ), spread as (
    select d.*, b.at, 1 + date_part('epoch', date_trunc(p_unit, d.last at time zone p_zone)
      - date_trunc(p_unit, d.first at time zone p_zone)) / date_part('epoch', v_step) as buckets
    from decided d, generate_series(
      date_trunc(p_unit, greatest(d.first, p_from) at time zone p_zone),
      least(d.last, v_until - interval '1 microsecond') at time zone p_zone, v_step
    ) b(at)
  ), counted as (
    select s.at, s.decision, case when p_by_schedule then w.name end as schedule,
      ceil(sum(s.count / s.buckets)) as count, min(s.first) as first
    from spread s join wanted w on w.id = s.schedule_id
    group by 1, 2, 3
  ), planned as (
    select s.* from hourhand.scheduled_jobs s join wanted w on w.id = s.id
    where s.is_active and s.error is null and s.next_run_at < v_until and s.rank_intervals is null
  )
  select jsonb_build_object(
    'now', v_now,
    'firings', (select coalesce(jsonb_agg(to_jsonb(c) order by c.at, c.first, c.schedule), '[]') from counted c),
    'planned', (select count(*) from planned),
    'schedules', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', s.name, 'cron', s.cron, 'every', hourhand_parts.seconds(s.every), 'anchor', s.anchor, 'run_at', s.run_at,
        'timezone', s.timezone, 'dst_gap', s.dst_gap, 'dst_overlap', s.dst_overlap, 'starts_at', s.starts_at,
        'ends_at', s.ends_at, 'exclude', s.exclude, 'created_at', s.created_at, 'next_run_at', s.next_run_at,
        'paused_until', s.paused_until, 'runs_left', s.max_runs - s.run_count
      ) order by s.next_run_at, s.id), '[]')
      from (select * from planned p order by p.next_run_at, p.id limit p_limit) s
    )
  ) into v_answer;
  return v_answer;
end
$$;
