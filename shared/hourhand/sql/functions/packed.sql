-- A column of an answer: the value itself where all rows have the same, else all of them. Without a search_path of its
-- own, so that it is written into the statement that uses it.
create or replace function hourhand_parts.packed(p_values anyarray)
returns jsonb
language sql stable
as $$ select case when array_remove(p_values, p_values[1]) <> '{}' then to_jsonb(p_values) else to_jsonb(p_values[1]) end $$;
