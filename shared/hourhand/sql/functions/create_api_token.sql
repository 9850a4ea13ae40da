-- A token for the REST API, known here by its SHA-256 only. p_lifetime is in seconds; null: it never expires.
-- Repeated with the same hash it answers the token it made before.
create or replace function hourhand.create_api_token(
  p_name text, p_role text default 'viewer', p_token_hash text default null, p_lifetime double precision default null
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_token hourhand_parts.api_tokens;
begin
  perform hourhand_parts.require_read_committed();
  insert into hourhand_parts.api_tokens (name, role, token_hash, created_at, expires_at)
  values (p_name, p_role, p_token_hash, v_now, v_now + make_interval(secs => p_lifetime))
  on conflict do nothing returning * into v_token;
  if found then
    perform hourhand_parts.audit('api_token.created', p_name, null, to_jsonb(v_token) - 'token_hash');
    return to_jsonb(v_token) - 'token_hash';
  end if;
  select * into v_token from hourhand_parts.api_tokens where token_hash = p_token_hash and name = p_name;
  if not found then
    raise exception 'there is a token "%" already', hourhand_parts.shown(p_name)
      using errcode = 'PT409', hint = 'Choose another name, or revoke that one: `hourhand token revoke`.';
  end if;
  return to_jsonb(v_token) - 'token_hash';
end
$$;
