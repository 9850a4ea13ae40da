-- Schedules that are late (nobody fires them), that missed their last instant, or that an error has stopped.
create or replace function hourhand_parts.schedule_problems(p_late interval, p_now timestamptz)
returns table (rule text, subject text, summary text, details jsonb)
language sql stable set search_path = ''
as $$
  with looked as (
    select distinct f.schedule_id from hourhand.schedule_firings f
    where f.decided_at > p_now - interval '1 hour' and f.decision in ('missed', 'expired')
    union
    select (a.details ->> 'schedule_id')::bigint from hourhand_parts.alerts a where a.rule = 'missed' and a.closed_at is null
  )
  select p.rule, 'schedule ' || p.name, p.summary, jsonb_build_object('schedule', p.name, 'schedule_id', p.id, 'task', p.task)
  from (
    select 'late' as rule, s.id, s.name, s.task, s.tags,
      format('schedule %s was due at %s and has not fired', s.name,
        to_char(s.next_run_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')) as summary
    from hourhand.scheduled_jobs s
    where s.is_active and s.error is null and s.next_run_at <= p_now - p_late
    union all
    select 'stopped', s.id, s.name, s.task, s.tags, format('schedule %s is stopped by an error: %s', s.name, left(s.error, 300))
    from hourhand.scheduled_jobs s
    where s.is_active and s.error is not null
    union all
    select 'missed', s.id, s.name, s.task, s.tags,
      format('schedule %s did not run at %s: %s', s.name,
        to_char(l.scheduled_for at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), coalesce(l.reason, l.decision))
    from looked k
    join hourhand.scheduled_jobs s on s.id = k.schedule_id
    cross join lateral (
      select f.scheduled_for, f.decision, f.reason from hourhand.schedule_firings f
      where f.schedule_id = k.schedule_id and f.decision in ('fired', 'missed', 'expired', 'backfilled')
      order by f.scheduled_for desc limit 1
    ) l
    where l.decision in ('missed', 'expired')
  ) p
  where hourhand_parts.alert_tag(p.tags) is distinct from 'off'
$$;
