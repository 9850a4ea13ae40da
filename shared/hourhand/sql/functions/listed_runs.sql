-- The runs that one call names, each once and in order: at most 1000.
create or replace function hourhand_parts.listed_runs(p_ids jsonb)
returns bigint[]
language plpgsql immutable set search_path = ''
as $$
begin
  if jsonb_array_length(p_ids) > 1000 then
    raise exception '% runs are too many for one call', jsonb_array_length(p_ids)
      using errcode = 'PT422', hint = 'Name at most 1000 at once.';
  end if;
  return array(select distinct e::bigint from jsonb_array_elements_text(p_ids) e order by 1);
end
$$;
