-- Refuses items that cannot be kept, naming the first.
create or replace function hourhand_parts.check_items(p_items jsonb)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_wrong record;
begin
  if jsonb_typeof(p_items) is distinct from 'array' or jsonb_array_length(p_items) > 10000 then
    raise exception 'p_items is not a JSON array of at most 10000 items' using errcode = 'PT422',
      hint = 'Set more of them in several calls.';
  end if;
  select x.* into v_wrong
  from jsonb_to_recordset(p_items) x(item text, rank int, payload jsonb)
  where x.item is null or x.item !~ '^[^[:cntrl:]]{1,200}$' or x.rank not between 1 and 100
    or jsonb_typeof(x.payload) <> 'object'
  limit 1;
  if found then
    raise exception 'item "%": %', hourhand_parts.shown(v_wrong.item), case
        when v_wrong.rank not between 1 and 100 then format('rank %s is not between 1 and 100', v_wrong.rank)
        when jsonb_typeof(v_wrong.payload) <> 'object' then 'its payload is not an object'
        else 'an item is called by a text of 1 to 200 characters'
      end
      using errcode = 'PT422', hint = 'An item is {"item": "acme", "rank": 85, "owner": "ann", "payload": {}, "due_at": …}.';
  end if;
end
$$;
