-- Creates a user of the admin, or changes one: what is null stays. A new password or role ends the user's logins; with a
-- new password a locked user is let in again. The last admin stays one.
create or replace function hourhand.put_user(p_name text, p_role text default null, p_password_hash text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_old hourhand_parts.admin_users := hourhand_parts.hold_user(p_name);
  v_new hourhand_parts.admin_users;
begin
  if v_old.name is null and (p_role is null or p_password_hash is null) then
    raise exception 'there is no user "%"', hourhand_parts.shown(p_name) using errcode = 'PT404', hint = 'See `hourhand user list`.';
  end if;
  insert into hourhand_parts.admin_users as known (name, role, password_hash, created_at, changed_at)
  values (p_name, coalesce(p_role, v_old.role), coalesce(p_password_hash, v_old.password_hash), v_now, v_now)
  on conflict (name) do update
  set role = excluded.role, password_hash = excluded.password_hash, changed_at = v_now
  returning * into v_new;
  perform hourhand_parts.keep_admin(v_old);
  if v_new.role <> v_old.role or v_new.password_hash <> v_old.password_hash then
    delete from hourhand_parts.admin_logins where user_name = p_name;
  end if;
  perform hourhand_parts.audit(
    case when v_old.name is null then 'user.created' else 'user.changed' end, p_name,
    case when v_old.name is not null then hourhand_parts.user_json(v_old) end, hourhand_parts.user_json(v_new)
  );
  return hourhand_parts.user_json(v_new);
end
$$;
