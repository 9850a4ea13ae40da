-- Applied at each migrate, whether anything else is or not. Closed by default: what is not in due_rights() is taken
-- back from public, anon, authenticated, service_role, hourhand_worker and hourhand_admin; other roles are left as
-- they are.
do $grants$
declare
  v_statement text;
  v_role text;
begin
  foreach v_role in array array['hourhand_worker', 'hourhand_admin'] loop
    begin
      if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
        execute format('create role %I nologin', v_role);
      end if;
    exception when insufficient_privilege or duplicate_object or unique_violation then
      raise warning 'role % was not created: %', v_role, sqlerrm;
    end;
  end loop;
  -- It calls two others, which those who insert schedules may not.
  alter function hourhand_parts.sound_bands(jsonb) security definer;

  -- With an empty path, types are looked for among the caller's temporary ones first: somebody's own type jsonb would
  -- run its checks with the rights of the function's owner.
  for v_statement in
    select format('alter function %s set search_path = pg_catalog, pg_temp', p.oid::regprocedure)
    from pg_catalog.pg_proc p
    where p.pronamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)
      and p.proconfig @> array['search_path=""']
  loop
    execute v_statement;
  end loop;

  perform pg_advisory_xact_lock(hourhand_parts.lock_key('maintenance', 'access'));
  perform hourhand_parts.close_access();
  for v_statement in
    select format('grant %s on %s %s to %I', string_agg(m.privilege, ', '), m.kind, m.name, m.grantee)
    from (select * from hourhand_parts.due_rights() except select * from hourhand_parts.held_rights()) m
    join pg_catalog.pg_roles r on r.rolname = m.grantee
    group by m.kind, m.name, m.grantee
    union all
    -- service_role goes round row security on Supabase; a login role of a plain server does not.
    select format('create policy %I on %s ' || p.clause, d.grantee || p.suffix, d.name, d.grantee,
      case d.name when 'hourhand.job_runs' then 'status = ''pending''' else 'true' end)
    from hourhand_parts.due_rights() d
    join pg_catalog.pg_roles r on r.rolname = d.grantee and d.grantee <> 'authenticated'
    join (values
      ('SELECT', '_reads', 'for select to %I using (true)'),
      ('INSERT', '_adds', 'for insert to %I with check (%s)'),
      ('UPDATE', '_edits', 'for update to %I using (true)')
    ) p(privilege, suffix, clause) on p.privilege = d.privilege
    where d.kind = 'table' and not exists (
      select from pg_catalog.pg_policy o
      where o.polrelid = to_regclass(d.name) and o.polname = d.grantee || p.suffix
    )
  loop
    execute v_statement;
  end loop;
  if exists (select from pg_catalog.pg_policy where polname = 'viewers_read') then
    perform hourhand_parts.allow_viewers();
  end if;
  perform hourhand.ensure_partitions();
end
$grants$;
