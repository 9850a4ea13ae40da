-- A schedule as it was at a time, as far as the audit log goes back; what it was first, for a time before that.
create or replace function hourhand_parts.schedule_at(p_schedule hourhand.scheduled_jobs, p_at timestamptz)
returns jsonb
language sql stable set search_path = ''
as $$
  select hourhand_parts.schedule_json(jsonb_populate_record(null::hourhand.scheduled_jobs, coalesce(
    (
      select a.after from hourhand_parts.schedule_audit(p_schedule) a where a.at <= p_at order by a.at desc, a.id desc limit 1
    ),
    (
      select coalesce(a.before, a.after) from hourhand_parts.schedule_audit(p_schedule) a
      where a.at > p_at order by a.at, a.id limit 1
    ),
    to_jsonb(p_schedule)
  )))
$$;
