-- Creates a ping or changes its times. Its id is the address that is to be called.
create or replace function hourhand.put_ping(p_name text, p_every interval default null, p_grace interval default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_before jsonb;
  v_ping hourhand_parts.pings;
begin
  perform hourhand_parts.require_read_committed();
  select hourhand_parts.ping_json(p) into v_before from hourhand_parts.pings p where p.name = p_name for update;
  if v_before is null and p_every is null then
    raise exception 'a ping needs the time between two calls' using errcode = 'PT422', hint = 'Such as --every 1h.';
  end if;
  insert into hourhand_parts.pings as known (name, every, grace, created_at)
  values (p_name, coalesce(p_every, interval '1 day'), coalesce(p_grace, greatest(p_every / 10, interval '1 minute'), interval '1 minute'), v_now)
  on conflict (name) do update set every = coalesce(p_every, known.every), grace = coalesce(p_grace, known.grace)
  returning * into v_ping;
  perform hourhand_parts.audit(
    case when v_before is null then 'ping.created' else 'ping.changed' end, p_name, v_before - 'id', hourhand_parts.ping_json(v_ping) - 'id'
  );
  return hourhand_parts.ping_json(v_ping);
end
$$;
