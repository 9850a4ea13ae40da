"""What the catalog must say: closed by default, one jsonb each, no bare clock."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hourhand.sql

Sql = Callable[..., list[Any]]
FILES = sorted(Path(hourhand.sql.__file__).parent.rglob("*.sql"))


def test_every_exposed_function_returns_one_jsonb_and_runs_as_its_owner_and_looks_only_where_it_should(
    sql: Sql,
) -> None:
    rows = sql(
        "select proname, prorettype::regtype::text, proretset, prosecdef, proconfig from pg_proc"
        " where pronamespace = 'hourhand'::regnamespace and proname <> 'clock' order by proname"
    )
    assert len(rows) >= 30
    for name, kind, is_set, definer, config in rows:
        assert (kind, is_set, definer) == ("jsonb", False, True), name
        assert "search_path=pg_catalog, pg_temp" in config, name


def test_no_function_is_overloaded(sql: Sql) -> None:
    assert (
        sql(
            "select proname from pg_proc where pronamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)"
            " group by proname having count(*) > 1"
        )
        == []
    )


def test_every_parameter_has_a_name_and_those_after_the_first_have_defaults(sql: Sql) -> None:
    rows = sql(
        "select proname, proargnames, pronargs, pronargdefaults from pg_proc where pronamespace = 'hourhand'::regnamespace and pronargs > 0"
    )
    assert rows
    for name, arguments, count, defaults in rows:
        assert all(argument.startswith("p_") for argument in arguments), name
        assert defaults >= count - 1, name


def test_public_may_execute_and_read_nothing(sql: Sql) -> None:
    assert (
        sql(
            "select proname from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) a"
            " where pronamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace) and a.grantee = 0"
        )
        == []
    )
    assert (
        sql(
            "select relname from pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner))) a"
            " where relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace) and a.grantee = 0"
        )
        == []
    )


def test_row_security_is_on_for_every_table_and_every_partition(sql: Sql) -> None:
    rows = sql(
        "select relname, relrowsecurity from pg_class where relkind in ('r', 'p')"
        " and relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)"
    )
    assert len(rows) > 20
    assert [name for name, secured in rows if not secured] == []


def test_the_worker_role_changes_runs_only_through_functions(sql: Sql) -> None:
    rights = sql(
        "select c.relname, p.privilege_type from pg_class c, aclexplode(c.relacl) p"
        " where c.relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)"
        " and p.grantee = 'hourhand_worker'::regrole and p.privilege_type <> 'SELECT' and c.relkind <> 'S' order by 1, 2"
    )
    assert rights == [("job_runs", "INSERT"), ("scheduled_jobs", "INSERT"), ("scheduled_jobs", "UPDATE")]
    assert sql("select has_schema_privilege('hourhand_worker', 'hourhand_parts', 'usage')") == [(False,)]


def test_time_comes_from_the_one_clock_only() -> None:
    for path in FILES:
        text = re.sub(r"--.*", "", path.read_text())
        if path.name != "clock.sql":
            assert not re.search(
                r"\b(now\(\)|current_timestamp|clock_timestamp|localtimestamp)", text, re.IGNORECASE
            ), path.name


def test_each_function_has_its_own_file() -> None:
    for path in FILES:
        if path.parent.name == "functions":
            names = re.findall(r"create or replace function hourhand(?:_parts)?\.(\w+)", path.read_text())
            assert names == [path.stem]


def test_every_update_and_delete_has_a_condition(sql: Sql) -> None:
    for path in FILES:
        for statement in re.findall(r"\b(?:update hourhand\S+|delete from)\b[^;]*;", path.read_text()):
            assert re.search(r"\bwhere\b", statement), (path.name, statement)
