-- Revokes a token of the REST API, by name.
create or replace function hourhand.revoke_api_token(p_name text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_token hourhand_parts.api_tokens;
begin
  perform hourhand_parts.require_read_committed();
  delete from hourhand_parts.api_tokens where name = p_name returning * into v_token;
  if not found then
    raise exception 'there is no token "%"', hourhand_parts.shown(p_name) using errcode = 'PT404', hint = 'See `hourhand token list`.';
  end if;
  perform hourhand_parts.audit('api_token.revoked', p_name, to_jsonb(v_token) - 'token_hash', null);
  return to_jsonb(v_token) - 'token_hash';
end
$$;
