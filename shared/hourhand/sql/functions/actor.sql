-- Who is asking: the subject of a PostgREST request, else the login role (current_user is the owner here) with the
-- program of ours that it uses.
create or replace function hourhand_parts.actor()
returns text
language sql stable set search_path = ''
as $$
  select coalesce(
    nullif(current_setting('hourhand.actor', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub',
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role',
    session_user::text || coalesce(
      ' (' || substring(current_setting('application_name', true) from '^hourhand-[a-z]+') || ')', ''
    )
  )
$$;
