-- The innermost frame of a traceback, as "file.py in function": without its line, which moves with every release.
create or replace function hourhand_parts.last_frame(p_traceback text)
returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_end text := right(p_traceback, 4000);
  v_place text := split_part(v_end, 'File "', -1);
begin
  if v_place like '%", line %, in %' then
    return split_part(split_part(v_place, '"', 1), '/', -1) || ' in ' || split_part(split_part(v_place, ', in ', 2), E'\n', 1);
  end if;
  -- What comes last is no frame, but the place of a syntax error. This finds it as well, at four times the price.
  return (
    select f[1] || ' in ' || f[2]
    from regexp_match(v_end, '.*File "(?:[^"\n]*/)?([^"\n]+)", line [0-9]+, in ([^\n]+)') f
  );
end
$$;
