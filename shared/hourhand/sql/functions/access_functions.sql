-- The functions that decide who may use the admin. A worker has no use for them: with them, the login of a worker could
-- make itself an administrator.
create or replace function hourhand_parts.access_functions()
returns table (name text)
language sql stable set search_path = ''
as $$
  select p.oid::regprocedure::text
  from pg_catalog.pg_proc p
  where p.pronamespace = 'hourhand'::regnamespace and p.proname in (
    'act_as', 'close_login', 'close_logins', 'create_api_token', 'create_run_token', 'delete_user', 'find_user',
    'list_api_tokens', 'list_users', 'lock_user', 'open_login', 'put_user', 'revoke_api_token', 'use_api_token',
    'use_login', 'use_run_token'
  )
$$;
