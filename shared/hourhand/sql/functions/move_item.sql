-- When an item is due once its interval is another: counted anew from its last completion, or its creation if it never
-- ran. A moment that somebody chose stays, and so does the pause after a failure, up to the new interval.
create or replace function hourhand_parts.move_item(
  p_item hourhand.schedule_items, p_old interval, p_new interval, p_now timestamptz
)
returns timestamptz
language sql immutable set search_path = ''
as $$
  select case
    when p_item.failures > 0 then least(p_item.next_run_at, p_now + p_new)
    when p_item.next_run_at = p_item.last_completed_at + p_old then p_item.last_completed_at + p_new
    when p_item.next_run_at = hourhand_parts.first_due(p_item, p_old) then hourhand_parts.first_due(p_item, p_new)
    else p_item.next_run_at
  end
$$;
