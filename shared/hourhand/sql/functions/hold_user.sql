-- A user of the admin as it is, nulls for one who does not exist; until the end of the transaction nobody else changes any.
create or replace function hourhand_parts.hold_user(p_name text)
returns hourhand_parts.admin_users
language plpgsql set search_path = ''
as $$
declare
  v_user hourhand_parts.admin_users;
begin
  perform hourhand_parts.require_read_committed();
  -- Else of two admins each could remove the other.
  perform pg_advisory_xact_lock(hourhand_parts.lock_key('maintenance', 'users'));
  select * into v_user from hourhand_parts.admin_users where name = p_name;
  return v_user;
end
$$;
