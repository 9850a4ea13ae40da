-- Ends all logins of a user, in every browser.
create or replace function hourhand.close_logins(p_name text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_count bigint;
begin
  perform hourhand_parts.require_read_committed();
  delete from hourhand_parts.admin_logins where user_name = p_name;
  get diagnostics v_count = row_count;
  perform hourhand_parts.audit('user.logged_out', p_name, null, jsonb_build_object('logins', v_count));
  return jsonb_build_object('name', p_name, 'logins', v_count);
end
$$;
