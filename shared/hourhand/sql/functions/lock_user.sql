-- Locks a user of the admin out, and ends the user's logins; p_locked false lets the user in again, with the same password.
create or replace function hourhand.lock_user(p_name text, p_locked boolean default true)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_old hourhand_parts.admin_users;
  v_new hourhand_parts.admin_users;
begin
  v_old := hourhand_parts.hold_user(p_name);
  if v_old.name is null then
    raise exception 'there is no user "%"', hourhand_parts.shown(p_name) using errcode = 'PT404', hint = 'See `hourhand user list`.';
  end if;
  -- No password has a hash that begins like this.
  update hourhand_parts.admin_users
  set password_hash = case when p_locked then '!' else '' end || ltrim(password_hash, '!'), changed_at = hourhand.clock()
  where name = p_name and (left(password_hash, 1) = '!') <> p_locked
  returning * into v_new;
  if not found then
    return hourhand_parts.user_json(v_old);
  end if;
  perform hourhand_parts.keep_admin(v_old);
  if p_locked then
    delete from hourhand_parts.admin_logins where user_name = p_name;
  end if;
  perform hourhand_parts.audit(
    case when p_locked then 'user.locked' else 'user.unlocked' end, p_name,
    hourhand_parts.user_json(v_old), hourhand_parts.user_json(v_new)
  );
  return hourhand_parts.user_json(v_new);
end
$$;
