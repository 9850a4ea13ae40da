-- A browser has logged in: p_token_hash is the SHA-256 of the token it was given, p_lifetime is in seconds.
create or replace function hourhand.open_login(
  p_name text, p_token_hash text default null, p_lifetime double precision default 43200
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_until timestamptz := v_now + make_interval(secs => p_lifetime);
begin
  perform hourhand_parts.require_read_committed();
  update hourhand_parts.admin_users set last_login_at = v_now where name = p_name and left(password_hash, 1) <> '!';
  if not found then
    raise exception 'there is no user "%"', hourhand_parts.shown(p_name) using errcode = 'PT404';
  end if;
  insert into hourhand_parts.admin_logins (token_hash, user_name, created_at, used_at, expires_at)
  values (p_token_hash, p_name, v_now, v_now, v_until)
  on conflict (token_hash) do nothing;
  delete from hourhand_parts.admin_logins where token_hash in (
    select l.token_hash from hourhand_parts.admin_logins l where l.expires_at <= v_now
    order by l.token_hash limit 1000 for update skip locked
  );
  perform hourhand_parts.audit('user.logged_in', p_name, null, null);
  return jsonb_build_object('now', v_now, 'expires_at', v_until);
end
$$;
