-- Takes back every right that is not due, also on what was made a moment ago under somebody's default privileges.
-- Where all is closed it only reads the catalog, so it can be called often.
create or replace function hourhand_parts.close_access()
returns void
language plpgsql set search_path = ''
as $$
declare
  v_statement text;
begin
  -- Two at once would change the same rows of the catalog; the other one does it.
  if not pg_try_advisory_xact_lock(hourhand_parts.lock_key('maintenance', 'access')) then
    return;
  end if;
  for v_statement in
    select format('alter table %s enable row level security', c.oid::regclass)
    from pg_catalog.pg_class c
    where c.relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)
      and c.relkind in ('r', 'p') and not c.relrowsecurity
    union all
    -- Rows are reached through the parent, whose policies then count; its parts are for nobody.
    select format('create policy closed on %s as restrictive using (false)', c.oid::regclass)
    from pg_catalog.pg_class c
    where c.relnamespace = 'hourhand_parts'::regnamespace and c.relkind in ('r', 'p')
      and not exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polname = 'closed')
    union all
    select format('revoke %s on %s %s from %I', string_agg(s.privilege, ', '), s.kind, s.name, s.grantee)
    from (select * from hourhand_parts.held_rights() except select * from hourhand_parts.due_rights()) s
    group by s.kind, s.name, s.grantee
    union all
    select format('alter default privileges for role %I in schema %s revoke all on %s from %I',
      s.maker, s.name, s.kind, s.grantee)
    from hourhand_parts.surplus_defaults() s
  loop
    begin
      execute v_statement;
    exception when lock_not_available or insufficient_privilege then
      null;  -- Busy now, or not ours to change: check_access() goes on telling.
    end;
  end loop;
end
$$;
