-- Ends the login of one browser.
create or replace function hourhand.close_login(p_token_hash text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_name text;
begin
  delete from hourhand_parts.admin_logins where token_hash = p_token_hash returning user_name into v_name;
  return jsonb_build_object('name', v_name);
end
$$;
