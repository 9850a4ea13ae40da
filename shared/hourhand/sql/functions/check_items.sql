-- Refuses items that cannot be kept, or run with the payload of their schedule, naming the first.
create or replace function hourhand_parts.check_items(p_items jsonb, p_payload jsonb)
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
  from jsonb_to_recordset(p_items) x(item text, rank int, payload jsonb, due_at timestamptz)
  where x.item is null or x.item !~ '^[^[:cntrl:]]{1,200}$' or x.rank not between 1 and 100
    or jsonb_typeof(x.payload) <> 'object' or x.due_at not between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
    or not hourhand_parts.sound_json(p_payload || x.payload || jsonb_build_object('item', x.item, 'rank', 100))
  limit 1;
  if found then
    raise exception 'item "%": %', hourhand_parts.shown(v_wrong.item), case
        when v_wrong.rank not between 1 and 100 then format('rank %s is not between 1 and 100', v_wrong.rank)
        when jsonb_typeof(v_wrong.payload) <> 'object' then 'its payload is not an object'
        when v_wrong.due_at not between '1900-01-01 00:00+00' and '9999-01-01 00:00+00' then
          'it is due between the years 1900 and 9999'
        when v_wrong.item is null or v_wrong.item !~ '^[^[:cntrl:]]{1,200}$' then
          'an item is called by a text of 1 to 200 characters'
        else 'with that of its schedule, its payload is larger than 256 kB, nested deeper than 64 levels, or has a number of over 308 digits'
      end
      using errcode = 'PT422', hint = 'An item is {"item": "acme", "rank": 85, "owner": "ann", "payload": {}, "due_at": …}.';
  end if;
end
$$;
