-- How many runs with this concurrency key may go on at once, for a task that says so. Keys by which a schedule
-- keeps its own runs apart are for one.
create or replace function hourhand_parts.key_limit(p_key text, p_key_concurrency int)
returns int
language sql immutable parallel safe set search_path = ''
as $$
  select case when p_key like 'schedule:%' or p_key = 'hourhand.sleeper' then 1 else coalesce(p_key_concurrency, 1) end
$$;
