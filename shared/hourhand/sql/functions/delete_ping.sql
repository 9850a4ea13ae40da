create or replace function hourhand.delete_ping(p_name text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_ping hourhand_parts.pings;
begin
  perform hourhand_parts.require_read_committed();
  delete from hourhand_parts.pings where name = p_name returning * into v_ping;
  if not found then
    raise exception 'there is no ping "%"', hourhand_parts.shown(p_name) using errcode = 'PT404', hint = 'See `hourhand ping list`.';
  end if;
  perform hourhand_parts.audit('ping.deleted', p_name, hourhand_parts.ping_json(v_ping) - 'id', null);
  return hourhand_parts.ping_json(v_ping);
end
$$;
