"""Who may do what, by the catalog: on old projects and new ones, and after somebody has opened it all."""

from typing import Any

import psycopg
import pytest

from hourhand import migrate
from hourhand.sql.script import read, script
from tests.security.conftest import Sql, migrated, owner
from tests.support.postgrest import OWNER

SCHEMAS = "('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)"

# What Supabase's page on custom schemas tells to run; it is meant for schemas with policies for everyone.
DOCUMENTED_GRANTS = """
    grant usage on schema {0} to anon, authenticated, service_role;
    grant all on all tables in schema {0} to anon, authenticated, service_role;
    grant all on all routines in schema {0} to anon, authenticated, service_role;
    grant all on all sequences in schema {0} to anon, authenticated, service_role;
    alter default privileges in schema {0} grant all on tables to anon, authenticated, service_role;
    alter default privileges in schema {0} grant all on routines to anon, authenticated, service_role;
    alter default privileges in schema {0} grant all on sequences to anon, authenticated, service_role;
"""

# Old projects had these for `public`; here they are for every schema, which is worse.
OLD_DEFAULTS = """
    alter default privileges grant all on tables to anon, authenticated, service_role;
    alter default privileges grant all on functions to anon, authenticated, service_role;
    alter default privileges grant all on sequences to anon, authenticated, service_role;
    alter default privileges grant usage on schemas to anon, authenticated, service_role;
"""

RIGHTS = f"""
    select coalesce(r.rolname, 'public'), things.name, x.privilege_type
    from (
      select nspname::text as name, coalesce(nspacl, acldefault('n', nspowner)) as acl from pg_namespace where oid in {SCHEMAS}
      union all
      select relname, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
      from pg_class where relnamespace in {SCHEMAS} and relkind not in ('i', 'I', 't', 'c')
      union all
      select attrelid::regclass::text, attacl from pg_attribute join pg_class c on c.oid = attrelid
      where relnamespace in {SCHEMAS} and attacl is not null
      union all
      select proname, coalesce(proacl, acldefault('f', proowner)) from pg_proc where pronamespace in {SCHEMAS}
      union all
      select 'default ' || defaclobjtype::text, defaclacl from pg_default_acl where defaclnamespace in {SCHEMAS}
    ) things
    cross join aclexplode(things.acl) x left join pg_roles r on r.oid = x.grantee
"""


def rights(sql: Sql, *roles: str) -> list[tuple[Any, ...]]:
    return sql(
        f"select * from ({RIGHTS}) q(role, name, privilege) where role = any(%s) order by 1, 2, 3",
        list(roles),
    )


def names(sql: Sql, query: str) -> set[str]:
    return {name for (name,) in sql(query)}


DECIDE_ACCESS = {
    "act_as",
    "close_login",
    "close_logins",
    "create_api_token",
    "create_run_token",
    "delete_user",
    "find_user",
    "list_api_tokens",
    "list_users",
    "lock_user",
    "open_login",
    "put_user",
    "revoke_api_token",
    "use_api_token",
    "use_login",
    "use_run_token",
}
"""Who may call these may make themselves an administrator."""


def expected(sql: Sql, role: str) -> set[tuple[str, str]]:
    tables = names(
        sql,
        "select relname from pg_class where relnamespace = 'hourhand'::regnamespace and relkind in ('r', 'p')",
    )
    functions = names(sql, "select proname from pg_proc where pronamespace = 'hourhand'::regnamespace")
    assert len(tables) > 10
    assert len(functions) > 40
    assert functions > DECIDE_ACCESS
    if role == "hourhand_worker":
        functions -= DECIDE_ACCESS
    return {
        ("hourhand", "USAGE"),
        ("scheduled_jobs", "INSERT"),
        ("scheduled_jobs", "UPDATE"),
        ("job_runs", "INSERT"),
        ("job_runs_id_seq", "USAGE"),
        *((table, "SELECT") for table in tables),
        *((function, "EXECUTE") for function in functions),
        ("sound_json", "EXECUTE"),
        ("sound_bands", "EXECUTE"),
    }


def assert_closed(sql: Sql) -> None:
    assert rights(sql, "public", "anon", "authenticated") == []
    for role in ("service_role", "hourhand_worker", "hourhand_admin"):
        assert {(name, privilege) for _, name, privilege in rights(sql, role)} == expected(sql, role), role
    assert (
        sql(
            f"select relname from pg_class where relnamespace in {SCHEMAS} and relkind in ('r', 'p') and not relrowsecurity"
        )
        == []
    )


def test_a_new_project_is_closed(sql: Sql) -> None:
    assert_closed(sql)


def test_a_project_with_open_default_privileges_is_closed(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as superuser:
        superuser.execute(f"set role {OWNER}".encode())
        superuser.execute(OLD_DEFAULTS.encode())
        superuser.execute("reset role")
        migrated(empty_database_url)
        assert_closed(lambda query, *params: superuser.execute(query.encode(), params or None).fetchall())


@pytest.mark.parametrize("closing", ["hourhand migrate", "ensure_partitions"])
def test_what_somebody_has_opened_is_closed_again(closing: str, sql: Sql, database_url: str) -> None:
    sql(f"set role {OWNER}")
    for schema in ("hourhand", "hourhand_parts"):
        sql(DOCUMENTED_GRANTS.format(schema))
    sql(
        "grant select (name, payload) on hourhand.scheduled_jobs to anon; grant execute on function hourhand.info() to public"
    )
    sql("alter table hourhand.tasks disable row level security; grant create on schema hourhand to anon")
    sql("reset role")
    assert len(rights(sql, "anon")) > 200
    with owner(database_url) as transport:
        assert len(transport.call("check_access")["surplus"]) > 10
        if closing == "hourhand migrate":
            assert migrate.pending(transport) == ()
            migrate.apply(transport)
        else:
            transport.call("ensure_partitions")
        assert_closed(sql)
        checked = transport.call("check_access")
        assert (checked["surplus"], checked["defaults"], checked["unprotected"]) == ([], [], [])


def test_partitions_made_later_under_open_default_privileges_are_closed(sql: Sql, database_url: str) -> None:
    sql(f"set role {OWNER}")
    sql(OLD_DEFAULTS)
    sql(
        "drop table hourhand_parts.job_run_logs_"
        + sql("select to_char(now() + interval '2 months', 'YYYY_MM')")[0][0]
    )
    sql("reset role")
    with owner(database_url) as transport:
        assert len(transport.call("ensure_partitions")["made"]) == 1
    assert_closed(sql)


def test_each_partition_is_closed_to_whoever_gets_a_right_on_it(sql: Sql) -> None:
    policies = sql(
        "select c.relname, p.polname, p.polpermissive, pg_get_expr(p.polqual, p.polrelid) from pg_class c"
        " left join pg_policy p on p.polrelid = c.oid where c.relnamespace = 'hourhand_parts'::regnamespace and c.relkind in ('r', 'p')"
    )
    assert len(policies) > 15
    assert {tuple(policy) for _, *policy in policies} == {("closed", False, "false")}


def test_rights_of_other_roles_are_left_alone(sql: Sql, database_url: str) -> None:
    sql("grant usage on schema hourhand to pg_monitor; grant select on hourhand.services to pg_monitor")
    migrated(database_url)
    assert rights(sql, "pg_monitor") == [
        ("pg_monitor", "hourhand", "USAGE"),
        ("pg_monitor", "services", "SELECT"),
    ]


def test_whoever_migrates_the_owner_stays_the_same(
    sql: Sql, database_url: str, empty_database_url: str
) -> None:
    """A superuser's run would else leave functions that run with a superuser's rights."""
    from hourhand.transport.postgres import PostgresTransport

    sql(
        "drop function hourhand.info() cascade; update hourhand.migrations set checksum = '' where version = 0"
    )
    superuser = PostgresTransport(database_url, application_name="hourhand-tests")
    migrate.apply(superuser)
    superuser.close()
    owners = names(
        sql,
        f"select pg_get_userbyid(proowner)::text from pg_proc where pronamespace in {SCHEMAS}"
        f" union select pg_get_userbyid(relowner) from pg_class where relnamespace in {SCHEMAS}",
    )
    assert owners == {OWNER}


def test_who_does_not_own_the_schema_is_told_who_does(sql: Sql, database_url: str) -> None:
    name = sql("select current_database()")[0][0]
    sql(f"grant create on database {name} to service_role; grant usage on schema hourhand to service_role")
    with psycopg.connect(database_url) as stranger:
        stranger.execute("set session authorization service_role")
        with pytest.raises(
            psycopg.Error, match=f"belongs to {OWNER}, and this was run by service_role"
        ) as caught:
            stranger.execute(script(read()).encode())
        assert caught.value.sqlstate == "HH003"


def test_a_catalog_lint_finds_nothing(sql: Sql) -> None:
    """The rules of Supabase's database linter that concern a schema like ours, each in our own words."""
    functions = f"select proname from pg_proc where pronamespace in {SCHEMAS}"
    tables = f"select relname from pg_class c where relnamespace in {SCHEMAS} and relkind in ('r', 'p')"
    lints = {
        "a function without a fixed search_path": functions
        + " and not coalesce(proconfig, '{}') && array['search_path=pg_catalog, pg_temp']",
        "a view, which would read with its owner's rights": f"select relname from pg_class where relnamespace in {SCHEMAS} and relkind in ('v', 'm')",
        "a table without primary key": tables
        + " and relispartition = false and not exists (select from pg_constraint where conrelid = c.oid and contype = 'p') and relname <> 'job_runs'",
        "a foreign key without an index": f"""
            select k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid
            where relnamespace in {SCHEMAS} and k.contype = 'f' and not exists (
              select from pg_index i where i.indrelid = k.conrelid
                and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)""",
        "two permissive policies for one role and command": f"""
            select polrelid::regclass from pg_policy join pg_class c on c.oid = polrelid, unnest(polroles) r
            where relnamespace in {SCHEMAS} and polpermissive group by polrelid, r, polcmd having count(*) > 1""",
        "a policy that is worked out for each row": f"""
            select polname from pg_policy join pg_class c on c.oid = polrelid where relnamespace in {SCHEMAS}
              and pg_get_expr(polqual, polrelid) ~* '(current_setting|auth\\.[a-z]+)\\('
              and pg_get_expr(polqual, polrelid) !~* 'select +(current_setting|auth\\.[a-z]+)\\('""",
        "a policy that trusts user_metadata": f"""
            select polname from pg_policy join pg_class c on c.oid = polrelid where relnamespace in {SCHEMAS}
              and pg_get_expr(polqual, polrelid) ~ 'user_metadata'""",
        "row security without a policy": tables
        + " and not exists (select from pg_policy where polrelid = c.oid)",
        "two equal indexes": f"""
            select min(relname) from pg_index i join pg_class c on c.oid = i.indexrelid where relnamespace in {SCHEMAS}
            group by indrelid, indkey, indclass, coalesce(pg_get_expr(indpred, indrelid), ''), indexprs::text having count(*) > 1""",
    }
    sql("select hourhand_parts.allow_viewers()")
    assert {lint: found for lint, query in lints.items() if (found := sql(query))} == {}
