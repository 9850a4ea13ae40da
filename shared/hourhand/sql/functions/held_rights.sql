-- What the roles that we care for really may do, by whatever grant: default privileges, ours, or somebody's by hand.
create or replace function hourhand_parts.held_rights()
returns table (grantee text, kind text, name text, privilege text)
language sql stable set search_path = ''
as $$
  with things(kind, name, acl) as (
    select 'schema', n.oid::regnamespace::text, coalesce(n.nspacl, acldefault('n', n.nspowner))
    from pg_catalog.pg_namespace n
    where n.nspname in ('hourhand', 'hourhand_parts')
    union all
    select case c.relkind when 'S' then 'sequence' else 'table' end, c.oid::regclass::text,
      coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))
    from pg_catalog.pg_class c
    where c.relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)
      and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select 'table', a.attrelid::regclass::text, a.attacl
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    where c.relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace) and a.attacl is not null
    union all
    select 'function', p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_catalog.pg_proc p
    where p.pronamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)
  )
  select distinct coalesce(r.rolname, 'public'), t.kind, t.name, x.privilege_type
  from things t
  cross join lateral aclexplode(t.acl) x
  left join pg_catalog.pg_roles r on r.oid = x.grantee
  where x.grantee = 0 or r.rolname in ('anon', 'authenticated', 'service_role', 'hourhand_worker', 'hourhand_admin')
$$;
