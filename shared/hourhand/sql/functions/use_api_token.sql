-- Whose token this is: its name and role, or nulls for one that is unknown, revoked or expired. Use is noted once a minute.
create or replace function hourhand.use_api_token(p_token_hash text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_token hourhand_parts.api_tokens;
begin
  select * into v_token from hourhand_parts.api_tokens t
  where t.token_hash = p_token_hash and (t.expires_at is null or t.expires_at > v_now);
  if coalesce(v_token.last_used_at, '-infinity') < v_now - interval '1 minute' then
    update hourhand_parts.api_tokens set last_used_at = v_now where id = v_token.id;
  end if;
  return jsonb_build_object('name', v_token.name, 'role', v_token.role);
end
$$;
