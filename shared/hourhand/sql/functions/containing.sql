-- The pattern of texts that have this one in them as it stands: % and _ are characters like others.
create or replace function hourhand_parts.containing(p_text text)
returns text
language sql immutable parallel safe set search_path = ''
as $$
  select '%' || replace(replace(replace(p_text, '\', '\\'), '%', '\%'), '_', '\_') || '%'
$$;
