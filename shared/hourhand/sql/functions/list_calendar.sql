-- The firings of a time, counted by local hour or day (p_unit, p_zone) and decision. A stretch of the ledger that goes
-- over several of them is shared out evenly. 'details' are the first p_details rows of the ledger, those that did not run
-- before the others. 'schedules' are those that are planned to fire before p_until, the next first, with what a timetable
-- is made of; 'planned' counts all of them. p_filter: that of browse_schedules without its state.
create or replace function hourhand.list_calendar(
  p_from timestamptz,
  p_until timestamptz default null,
  p_unit text default 'day',
  p_zone text default 'UTC',
  p_filter jsonb default '{}',
  p_details int default 0,
  p_limit int default 200
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_until timestamptz := least(coalesce(p_until, p_from + interval '1 day'), p_from + interval '62 days');
  v_step interval := case p_unit when 'hour' then interval '1 hour' else interval '1 day' end;
  v_begins timestamptz[] := array(select s.since from hourhand_parts.calendar_slots(p_from, v_until, p_unit, p_zone) s order by s.at);
  v_ids bigint[] := case when p_filter <> '{}' then array(select f.id from hourhand_parts.found_schedules(p_filter, v_now) f) end;
  v_answer jsonb;
begin
  with slot as materialized (
    select s.*, row_number() over (order by s.at) as place
    from hourhand_parts.calendar_slots(p_from, v_until, p_unit, p_zone) s
  ), other as materialized (
    select width_bucket(f.scheduled_for, v_begins) as place, f.decision, count(*) as count
    from hourhand.schedule_firings f
    where f.scheduled_for >= p_from and f.scheduled_for < v_until and f.scheduled_until is null and f.decision <> 'fired'
      and (v_ids is null or f.schedule_id = any(v_ids))
    group by 1, 2
  ), everything as (
    -- Nearly all have fired. Counting is what takes its time for a million, so they are counted in an index alone: that
    -- of the calendar, or for some schedules that of each, where the stretches are, too.
    select s.place, n.count
    from slot s cross join lateral (
      select count(*) as count from hourhand.schedule_firings f
      where f.scheduled_for >= s.since and f.scheduled_for < s.until and f.scheduled_until is null
    ) n
    where v_ids is null
    union all
    select width_bucket(f.scheduled_for, v_begins), count(*)
    from hourhand.schedule_firings f
    where f.schedule_id = any(v_ids) and f.scheduled_for >= p_from and f.scheduled_for < v_until
    group by 1
    union all
    select width_bucket(f.scheduled_for, v_begins), -count(*)
    from hourhand.schedule_firings f
    where f.schedule_id = any(v_ids) and f.scheduled_for >= p_from and f.scheduled_for < v_until
      and f.scheduled_until >= p_from
    group by 1
    union all
    select o.place, -sum(o.count) from other o group by 1
  ), counted as (
    select c.at, c.decision, sum(c.count) as count
    from (
      select s.at, 'fired' as decision, sum(e.count) as count
      from everything e join slot s using (place) group by 1 having sum(e.count) > 0
      union all
      select s.at, o.decision, o.count from other o join slot s using (place)
      union all
      select b.at, f.decision, ceil(f.count / (1 + date_part('epoch',
        date_trunc(p_unit, f.scheduled_until at time zone p_zone) - date_trunc(p_unit, f.scheduled_for at time zone p_zone)
      ) / date_part('epoch', v_step)))
      from hourhand.schedule_firings f, generate_series(
        date_trunc(p_unit, greatest(f.scheduled_for, p_from) at time zone p_zone),
        least(f.scheduled_until, v_until - interval '1 microsecond') at time zone p_zone, v_step
      ) b(at)
      where f.scheduled_until >= p_from and f.scheduled_for < v_until
        and (v_ids is null or f.schedule_id = any(v_ids))
    ) c
    group by 1, 2
  ), detail as (
    select f.*, s.name, s.timezone
    from (
      (
        select * from hourhand.schedule_firings f
        where f.scheduled_until >= p_from and f.scheduled_for < v_until
          and (v_ids is null or f.schedule_id = any(v_ids))
        order by f.scheduled_for, f.schedule_id limit p_details
      ) union all (
        select * from hourhand.schedule_firings f
        where f.scheduled_for >= p_from and f.scheduled_for < v_until and f.scheduled_until is null
          and f.decision in ('missed', 'coalesced', 'skipped_overlap', 'excluded', 'paused', 'expired')
          and (v_ids is null or f.schedule_id = any(v_ids))
        order by f.scheduled_for, f.schedule_id limit p_details
      ) union all (
        select * from hourhand.schedule_firings f
        where f.scheduled_for >= p_from and f.scheduled_for < v_until and f.scheduled_until is null
          and f.decision in ('fired', 'backfilled')
          and (v_ids is null or f.schedule_id = any(v_ids))
        order by f.scheduled_for, f.schedule_id limit p_details
      )
    ) f
    join hourhand.scheduled_jobs s on s.id = f.schedule_id
    order by f.decision in ('fired', 'backfilled'), f.scheduled_for, s.name limit p_details
  ), planned as not materialized (
    select s.* from hourhand.scheduled_jobs s
    where s.is_active and s.error is null and s.next_run_at < v_until and s.rank_intervals is null
      and (v_ids is null or s.id = any(v_ids))
  )
  select jsonb_build_object(
    'now', v_now,
    'firings', (select coalesce(jsonb_agg(to_jsonb(c) order by c.at, c.decision), '[]') from counted c),
    'details', (select coalesce(jsonb_agg(to_jsonb(d) order by d.scheduled_for, d.name), '[]') from detail d),
    'planned', (select count(*) from planned),
    'schedules', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', s.name, 'cron', s.cron, 'every', hourhand_parts.seconds(s.every), 'anchor', s.anchor, 'run_at', s.run_at,
        'timezone', s.timezone, 'dst_gap', s.dst_gap, 'dst_overlap', s.dst_overlap, 'starts_at', s.starts_at,
        'ends_at', s.ends_at, 'exclude', s.exclude, 'created_at', s.created_at, 'paused_until', s.paused_until,
        'runs_left', s.max_runs - s.run_count
      ) order by s.next_run_at, s.id), '[]')
      from (select * from planned p order by p.next_run_at, p.id limit p_limit) s
    )
  ) into v_answer;
  return v_answer;
end
$$;
