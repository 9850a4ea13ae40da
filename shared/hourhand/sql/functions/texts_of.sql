-- The texts of a JSON list, or the one text that stands in its place; null for anything else.
create or replace function hourhand_parts.texts_of(p_value jsonb)
returns text[]
language sql immutable parallel safe set search_path = ''
as $$
  select case jsonb_typeof(p_value)
    when 'string' then array[p_value #>> '{}']
    when 'array' then array(select jsonb_array_elements_text(p_value))
  end
$$;
