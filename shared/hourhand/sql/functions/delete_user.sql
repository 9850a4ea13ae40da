-- Deletes a user of the admin and ends the user's logins. The last admin stays.
create or replace function hourhand.delete_user(p_name text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_user hourhand_parts.admin_users := hourhand_parts.hold_user(p_name);
begin
  if v_user.name is null then
    raise exception 'there is no user "%"', hourhand_parts.shown(p_name) using errcode = 'PT404', hint = 'See `hourhand user list`.';
  end if;
  delete from hourhand_parts.admin_users where name = p_name;
  perform hourhand_parts.keep_admin(v_user);
  perform hourhand_parts.audit('user.deleted', p_name, hourhand_parts.user_json(v_user), null);
  return hourhand_parts.user_json(v_user);
end
$$;
