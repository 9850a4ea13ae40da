-- For a login: the role and the hash of the password of a user; nulls for one who does not exist, and no hash for one
-- who is locked.
create or replace function hourhand.find_user(p_name text)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('name', p_name, 'role', max(u.role), 'password_hash', max(u.password_hash) filter (where left(u.password_hash, 1) <> '!'))
  from hourhand_parts.admin_users u where u.name = p_name
$$;
