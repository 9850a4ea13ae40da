-- Closed by default; re-applied at each migrate. Nothing for public, anon and authenticated. service_role and
-- hourhand_worker may call the functions of schema hourhand, read the tables, insert schedules and runs and
-- update schedules; never update or delete runs, which would go round the token.
do $grants$
declare
  v_thing record;
  v_role text;
begin
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'hourhand_worker') then
      create role hourhand_worker nologin;
    end if;
  exception when insufficient_privilege or duplicate_object or unique_violation then
    raise notice 'role hourhand_worker was not created: %', sqlerrm;
  end;

  for v_thing in
    select p.oid::regprocedure as name, p.pronamespace::regnamespace::text as schema
    from pg_catalog.pg_proc p where p.pronamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)
  loop
    execute format('revoke all on function %s from public', v_thing.name);
  end loop;
  for v_thing in
    select c.oid::regclass as name, c.relkind, c.relrowsecurity
    from pg_catalog.pg_class c
    where c.relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace) and c.relkind in ('r', 'p', 'S')
  loop
    if v_thing.relkind in ('r', 'p') and not v_thing.relrowsecurity then
      execute format('alter table %s enable row level security', v_thing.name);
    end if;
    execute format('revoke all on %s %s from public', case v_thing.relkind when 'S' then 'sequence' else 'table' end, v_thing.name);
  end loop;
  revoke all on schema hourhand from public;

  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated') loop
    execute format('revoke all on schema hourhand, hourhand_parts from %I', v_role);
    execute format('revoke all on all tables in schema hourhand, hourhand_parts from %I', v_role);
    execute format('revoke all on all sequences in schema hourhand, hourhand_parts from %I', v_role);
    execute format('revoke all on all functions in schema hourhand, hourhand_parts from %I', v_role);
  end loop;

  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('service_role', 'hourhand_worker') loop
    execute format('revoke all on all tables in schema hourhand, hourhand_parts from %I', v_role);
    execute format('revoke all on all functions in schema hourhand, hourhand_parts from %I', v_role);
    execute format('grant usage on schema hourhand to %I', v_role);
    execute format('grant execute on all functions in schema hourhand to %I', v_role);
    execute format('grant select on all tables in schema hourhand to %I', v_role);
    execute format('grant insert on hourhand.scheduled_jobs, hourhand.job_runs to %I', v_role);
    execute format('grant update on hourhand.scheduled_jobs to %I', v_role);
    execute format('grant usage on all sequences in schema hourhand to %I', v_role);
    -- service_role goes round row security on Supabase; a login role of a plain server does not.
    for v_thing in
      select c.oid::regclass as name, w.suffix, w.clause
      from pg_catalog.pg_class c
      cross join (values
        ('_reads', 'for select to %I using (true)', null),
        ('_adds', 'for insert to %I with check (true)', 'scheduled_jobs'),
        ('_edits', 'for update to %I using (true)', 'scheduled_jobs'),
        ('_adds', 'for insert to %I with check (status = ''pending'')', 'job_runs')
      ) w(suffix, clause, only_table)
      where c.relnamespace = 'hourhand'::regnamespace and c.relkind in ('r', 'p')
        and (w.only_table is null or w.only_table = c.relname)
        and not exists (
          select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polname = v_role || w.suffix
        )
    loop
      execute format('create policy %I on %s ' || v_thing.clause, v_role || v_thing.suffix, v_thing.name, v_role);
    end loop;
  end loop;
  perform hourhand.ensure_partitions();
end
$grants$;
