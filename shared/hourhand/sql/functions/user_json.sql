create or replace function hourhand_parts.user_json(p_user hourhand_parts.admin_users)
returns jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(p_user) - 'password_hash' || jsonb_build_object('locked', left(p_user.password_hash, 1) = '!')
$$;
