-- Default privileges that would open what is made in our schemas later, as Supabase's page on custom schemas tells to set.
create or replace function hourhand_parts.surplus_defaults()
returns table (grantee text, kind text, name text, maker text)
language sql stable set search_path = ''
as $$
  select distinct coalesce(r.rolname, 'public'),
    case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' else 'types' end,
    d.defaclnamespace::regnamespace::text, pg_get_userbyid(d.defaclrole)
  from pg_catalog.pg_default_acl d
  cross join lateral aclexplode(d.defaclacl) x
  left join pg_catalog.pg_roles r on r.oid = x.grantee
  where d.defaclnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)
    and (x.grantee = 0 or r.rolname in ('anon', 'authenticated', 'service_role', 'hourhand_worker'))
$$;
