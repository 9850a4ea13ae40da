-- Who may do what, and nothing beyond: granting, closing and checking go by this one list. 'authenticated' is in it
-- only after allow_viewers().
create or replace function hourhand_parts.due_rights()
returns table (grantee text, kind text, name text, privilege text)
language sql stable set search_path = ''
as $$
  select caller.grantee, due.kind, due.name, due.privilege
  from (values ('service_role'), ('hourhand_worker'), ('hourhand_admin')) caller(grantee)
  cross join (
    values
      ('schema', 'hourhand', 'USAGE'),
      ('table', 'hourhand.scheduled_jobs', 'INSERT'),
      ('table', 'hourhand.scheduled_jobs', 'UPDATE'),
      ('table', 'hourhand.job_runs', 'INSERT'),
      ('sequence', 'hourhand.job_runs_id_seq', 'USAGE')
    union all
    select 'table', c.oid::regclass::text, 'SELECT'
    from pg_catalog.pg_class c
    where c.relnamespace = 'hourhand'::regnamespace and c.relkind in ('r', 'p')
    union all
    select 'function', p.oid::regprocedure::text, 'EXECUTE'
    from pg_catalog.pg_proc p
    where p.pronamespace = 'hourhand'::regnamespace
    union
    -- Who inserts a row also runs the checks of its columns.
    select 'function', d.refobjid::regprocedure::text, 'EXECUTE'
    from pg_catalog.pg_depend d
    join pg_catalog.pg_constraint c on c.oid = d.objid
    join pg_catalog.pg_proc p on p.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_constraint'::regclass and d.refclassid = 'pg_catalog.pg_proc'::regclass
      and c.contype = 'c' and p.pronamespace = 'hourhand_parts'::regnamespace
  ) due(kind, name, privilege)
  where caller.grantee <> 'hourhand_worker' or due.kind <> 'function'
    or due.name not in (select a.name from hourhand_parts.access_functions() a)
  union all
  select 'authenticated', 'schema', 'hourhand', 'USAGE'
  where exists (select from pg_catalog.pg_policy p where p.polname = 'viewers_read')
  union all
  select 'authenticated', 'table', p.polrelid::regclass::text, 'SELECT'
  from pg_catalog.pg_policy p
  join pg_catalog.pg_class c on c.oid = p.polrelid
  where p.polname = 'viewers_read' and c.relnamespace = 'hourhand'::regnamespace
$$;
