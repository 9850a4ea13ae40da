-- What the audit log tells of a schedule, under whichever names it had. Another schedule may have had one of them, too.
create or replace function hourhand_parts.schedule_audit(p_schedule hourhand.scheduled_jobs)
returns setof hourhand.audit_log
language sql stable set search_path = ''
as $$
  with recursive names(name) as (
    select p_schedule.name
    union
    select a.before ->> 'name'
    from names n
    join hourhand.audit_log a on a.subject = n.name
    where a.action = 'schedule.changed' and a.before ->> 'name' <> n.name and (a.before ->> 'id')::bigint = p_schedule.id
  )
  select a.*
  from names n
  join hourhand.audit_log a on a.subject = n.name
  where a.action in ('schedule.created', 'schedule.changed') and (a.after ->> 'id')::bigint = p_schedule.id
$$;
