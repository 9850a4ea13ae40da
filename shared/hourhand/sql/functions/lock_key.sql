-- The advisory lock of one thing: 'session' and a uuid, 'key' and a concurrency key, 'task' and a name.
create or replace function hourhand_parts.lock_key(p_kind text, p_name text)
returns bigint
language sql immutable parallel safe set search_path = ''
as $$ select hashtextextended('hourhand:' || p_kind || ':' || p_name, 0) $$;
