-- The tokens of the REST API, by name.
create or replace function hourhand.list_api_tokens()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('now', hourhand.clock(), 'tokens', coalesce(jsonb_agg(
    to_jsonb(t) - 'token_hash' order by t.name), '[]'))
  from hourhand_parts.api_tokens t
$$;
