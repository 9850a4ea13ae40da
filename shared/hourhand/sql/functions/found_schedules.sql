-- The schedules that a page's filter means, each with its state (active, paused, broken), whatever state is asked for.
-- p_filter: search (in name, task and description), task, tag.
create or replace function hourhand_parts.found_schedules(p_filter jsonb, p_now timestamptz)
returns table (id bigint, name text, tags text[], state text)
language sql stable set search_path = ''
as $$
  select s.id, s.name, s.tags, case
      when s.error is not null then 'broken'
      when not s.is_active or s.paused_until > p_now then 'paused'
      else 'active'
    end
  from hourhand.scheduled_jobs s, (select hourhand_parts.containing(p_filter ->> 'search') as pattern) f
  where (f.pattern is null or s.name ilike f.pattern or s.task ilike f.pattern or s.description ilike f.pattern)
    and (p_filter ->> 'task' is null or s.task = p_filter ->> 'task')
    and (p_filter ->> 'tag' is null or p_filter ->> 'tag' = any(s.tags))
$$;
