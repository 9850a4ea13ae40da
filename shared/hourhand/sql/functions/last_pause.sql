-- Who paused a schedule last before a time, when and why.
create or replace function hourhand_parts.last_pause(p_schedule hourhand.scheduled_jobs, p_at timestamptz)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('at', a.at, 'actor', a.actor, 'note', a.after ->> 'pause_note')
  from hourhand_parts.schedule_audit(p_schedule) a
  where a.at <= p_at
    and (
      (a.after ->> 'is_active')::boolean < coalesce((a.before ->> 'is_active')::boolean, true)
      or a.after ->> 'paused_until' is distinct from a.before ->> 'paused_until' and a.after ->> 'paused_until' is not null
    )
  order by a.at desc, a.id desc limit 1
$$;
