-- The innermost frame of a traceback, as "file.py in function": without its line, which moves with every release.
create or replace function hourhand_parts.last_frame(p_traceback text)
returns text
language sql immutable parallel safe set search_path = ''
as $$
  select f[1] || ' in ' || f[2]
  from regexp_match(right(p_traceback, 4000), '.*File "(?:[^"\n]*/)?([^"\n]+)", line [0-9]+, in ([^\n]+)') f
$$;
