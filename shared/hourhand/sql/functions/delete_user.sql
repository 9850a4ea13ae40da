-- Deletes a user of the admin and ends the user's logins.
create or replace function hourhand.delete_user(p_name text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_user hourhand_parts.admin_users;
begin
  perform hourhand_parts.require_read_committed();
  delete from hourhand_parts.admin_users where name = p_name returning * into v_user;
  if not found then
    raise exception 'there is no user "%"', hourhand_parts.shown(p_name) using errcode = 'PT404', hint = 'See `hourhand user list`.';
  end if;
  perform hourhand_parts.audit('user.deleted', p_name, hourhand_parts.user_json(v_user), null);
  return hourhand_parts.user_json(v_user);
end
$$;
