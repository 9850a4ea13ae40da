-- Refuses a change to a user, made just before, that leaves nobody who is an admin and not locked.
create or replace function hourhand_parts.keep_admin(p_before hourhand_parts.admin_users)
returns void
language plpgsql set search_path = ''
as $$
begin
  if p_before.role = 'admin' and left(p_before.password_hash, 1) <> '!' and not exists (
    select from hourhand_parts.admin_users u where u.role = 'admin' and left(u.password_hash, 1) <> '!'
  ) then
    raise exception 'user "%" is the only admin', p_before.name
      using errcode = 'PT409', hint = 'Make somebody else one first: hourhand user set NAME --role admin';
  end if;
end
$$;
