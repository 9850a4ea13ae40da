-- Whose login this is: name and role, or nulls when it is over. One that was not used for p_idle seconds is over.
-- Use is noted once a minute.
create or replace function hourhand.use_login(p_token_hash text, p_idle double precision default 7200)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_login hourhand_parts.admin_logins;
  v_role text;
begin
  select l.* into v_login from hourhand_parts.admin_logins l
  where l.token_hash = p_token_hash and l.expires_at > v_now and l.used_at > v_now - make_interval(secs => p_idle);
  select u.role into v_role from hourhand_parts.admin_users u where u.name = v_login.user_name;
  if v_login.used_at < v_now - interval '1 minute' then
    update hourhand_parts.admin_logins set used_at = v_now where token_hash = p_token_hash;
  end if;
  return jsonb_build_object('name', v_login.user_name, 'role', v_role, 'expires_at', v_login.expires_at);
end
$$;
