-- For a login: the role and the hash of the password of a user; nulls for one who does not exist.
create or replace function hourhand.find_user(p_name text)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('name', p_name, 'role', max(u.role), 'password_hash', max(u.password_hash))
  from hourhand_parts.admin_users u where u.name = p_name
$$;
