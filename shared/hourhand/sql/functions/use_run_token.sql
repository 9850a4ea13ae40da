-- Which run this token lets its holder read; null for one that is unknown or expired.
create or replace function hourhand.use_run_token(p_token_hash text)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('run_id', (
    select t.run_id from hourhand_parts.run_tokens t
    where t.token_hash = p_token_hash and t.expires_at > hourhand.clock()
  ))
$$;
