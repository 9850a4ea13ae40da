-- One word for what a schedule does: active, paused or broken (set aside with its error).
create or replace function hourhand_parts.schedule_state(p_schedule hourhand.scheduled_jobs, p_now timestamptz)
returns text
language sql stable set search_path = ''
as $$
  select case
    when p_schedule.error is not null then 'broken'
    when not p_schedule.is_active or p_schedule.paused_until > p_now then 'paused'
    else 'active'
  end
$$;
