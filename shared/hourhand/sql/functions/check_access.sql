-- For the doctor: who may do more than is due, which tables are without row security, and whether viewers may read.
create or replace function hourhand.check_access()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  with surplus as (
    select * from hourhand_parts.held_rights() except select * from hourhand_parts.due_rights()
  )
  select jsonb_build_object(
    'now', hourhand.clock(),
    'surplus', coalesce((
      select jsonb_agg(jsonb_build_object(
        'role', s.grantee, 'kind', s.kind, 'privilege', s.privilege, 'names', s.names
      ) order by s.grantee, s.kind, s.privilege)
      from (
        select grantee, kind, privilege, jsonb_agg(name order by name) as names
        from surplus group by grantee, kind, privilege
      ) s
    ), '[]'),
    'defaults', coalesce((
      select jsonb_agg(jsonb_build_object('role', d.grantee, 'kind', d.kind, 'schema', d.name, 'maker', d.maker))
      from hourhand_parts.surplus_defaults() d
    ), '[]'),
    'unprotected', coalesce((
      select jsonb_agg(c.oid::regclass::text order by c.relname)
      from pg_catalog.pg_class c
      where c.relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)
        and c.relkind in ('r', 'p') and not c.relrowsecurity
    ), '[]'),
    'viewers', exists (select from pg_catalog.pg_policy p where p.polname = 'viewers_read')
  )
$$;
