-- The users of the admin, without their passwords.
create or replace function hourhand.list_users()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('now', hourhand.clock(), 'users', coalesce(jsonb_agg(
    hourhand_parts.user_json(u) order by u.name), '[]'))
  from hourhand_parts.admin_users u
$$;
