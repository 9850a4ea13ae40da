-- When an item that never ran is due: at a moment of its own within its interval, so that an import does not come
-- due all at once.
create or replace function hourhand_parts.first_due(p_item hourhand.schedule_items, p_interval interval)
returns timestamptz
language sql immutable set search_path = ''
as $$
  select p_item.created_at + p_interval
    * (abs(hashtextextended(p_item.item_key, p_item.schedule_id)::numeric) / 9223372036854775808)::double precision
$$;
