"""The role hourhand_worker on a direct connection: it can run everything, and go round nothing."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.cli.conftest import run
from tests.security.conftest import Sql, as_role
from tests.support.postgrest import OWNER, url_as

ROLE = "hourhand_test_login"
TASKS = "tests.security.tasks"


@pytest.fixture
def login(database_url: str) -> str:
    """The address for a login in the role, made as the documents say."""
    with psycopg.connect(database_url, autocommit=True) as superuser:
        superuser.execute("select pg_advisory_lock(hashtext('login of hourhand_worker'))")
        if superuser.execute("select from pg_roles where rolname = %s", [ROLE]).fetchone() is None:
            superuser.execute(f"create role {ROLE} login in role hourhand_worker".encode())
        superuser.execute("select pg_advisory_unlock_all()")
    return url_as(database_url, ROLE)


def test_both_daemons_and_the_commands_run_under_it(login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", login)
    monkeypatch.setenv("HOURHAND_TASKS", TASKS)
    monkeypatch.setenv("HOURHAND_DEBUG", "on")
    for command in (
        "schedule add news --task greet --every 1h",
        "schedule trigger news",
        "scheduler --once",
        "enqueue greet --key twice",
        "worker --drain",
        "schedule list",
        "schedule pause news",
        "run list",
        "run retry 1",
        "run show 1",
        "queue pause default",
        "tasks",
        "schedule delete news",
    ):
        done = run(*command.split())
        assert done.code == 0, (command, done.err)
    assert run("run", "list", "--status", "completed", "--json").json
    assert "permission denied" not in run("doctor").out


def changes(sql: Sql) -> Iterator[tuple[str, str, str]]:
    """For every table and partition: what would change it."""
    for table, column in sql(
        "select c.oid::regclass::text, (select attname from pg_attribute where attrelid = c.oid and attnum = 1)"
        " from pg_class c where relkind in ('r', 'p') and relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)"
    ):
        yield table, "select", f"select from {table}"
        yield table, "insert", f"insert into {table} select * from {table} where false"
        yield table, "update", f"update {table} set {column} = {column} where false"
        yield table, "delete", f"delete from {table} where false"
        yield table, "truncate", f"truncate {table} cascade"
        yield table, "lock", f"lock table {table}"
        yield table, "alter", f"alter table {table} disable trigger user"
        yield table, "policy", f"create policy mine on {table} using (true)"
        yield table, "drop", f"drop table {table} cascade"


ALLOWED = {
    ("hourhand.scheduled_jobs", "insert"),
    ("hourhand.scheduled_jobs", "update"),
    ("hourhand.scheduled_jobs", "lock"),  # comes with the update
    ("hourhand.job_runs", "insert"),
}

OTHERWISE = (
    "create table hourhand.mine ()",
    "create function hourhand.mine() returns int language sql as 'select 1'",
    "create or replace function hourhand.clock() returns timestamptz language sql as 'select null::timestamptz'",
    "alter function hourhand.info() security invoker",
    "drop schema hourhand cascade",
    "drop function hourhand.claim cascade",
    "select setval('hourhand.job_runs_id_seq', 1)",
    "select hourhand_parts.allow_viewers()",
    "select hourhand_parts.end_runs(null, null, null, null, null, null)",
    "insert into hourhand_parts.job_runs_live (task) values ('t')",
    "grant hourhand_worker to current_user",
    "alter role hourhand_worker superuser",
    f"set role {OWNER}",
    "set role service_role",
    "set session_replication_role = replica",
)


def test_tables_change_only_as_they_should(sql: Sql, database_url: str) -> None:
    refused, done = 0, set()
    with as_role(database_url, "hourhand_worker") as worker:
        for table, what, statement in changes(sql):
            try:
                with worker.transaction(force_rollback=True):
                    worker.execute(statement.encode())
                done.add((table, what))
            except psycopg.errors.InsufficientPrivilege:
                refused += 1
    read = {(table, what) for table, what in done if what == "select"}
    assert done - read == ALLOWED
    assert len(read) > 10
    assert all(table.startswith("hourhand.") for table, _ in read)
    assert refused > 200


def test_no_function_inside_can_be_called(sql: Sql, database_url: str) -> None:
    functions = sql(
        "select proname::text, proargtypes::regtype[]::text[] from pg_proc"
        " where pronamespace = 'hourhand_parts'::regnamespace and prorettype <> 'trigger'::regtype"
    )
    assert len(functions) > 40
    with as_role(database_url, "hourhand_worker") as worker:
        for name, kinds in functions:
            arguments = ", ".join(f"null::{kind}" for kind in kinds if not kind.startswith("hourhand_parts."))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                worker.execute(f"select hourhand_parts.{name}({arguments})".encode())


@pytest.mark.parametrize("statement", OTHERWISE)
def test_there_is_no_other_way(statement: str, database_url: str) -> None:
    with (
        as_role(database_url, "hourhand_worker") as worker,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidGrantOperation)),
    ):
        worker.execute(statement.encode())


def test_a_run_cannot_be_inserted_as_if_it_had_ended(database_url: str) -> None:
    with (
        as_role(database_url, "hourhand_worker") as worker,
        pytest.raises(psycopg.Error, match="row-level security"),
    ):
        worker.execute(
            "insert into hourhand.job_runs (task, status, queue, run_at, claim_at, max_attempts, timeout, trigger, created_at, finished_at)"
            " values ('t', 'completed', 'default', now(), now(), 1, '1 h', 'api', now(), now())"
        )


def test_rows_can_be_inserted_with_payloads_of_any_size(sql: Sql, database_url: str) -> None:
    """Their checks call functions of ours."""
    for role in ("hourhand_worker", "service_role"):
        with as_role(database_url, role) as user:
            user.execute(
                "insert into hourhand.job_runs (task, payload) values ('t', jsonb_build_object('a', repeat('x', 1000)))"
            )
            user.execute(
                "insert into hourhand.scheduled_jobs (name, task, every, rank_intervals, payload)"
                " values (%s, 't', '1 h', '{\"1\": \"1 day\"}', jsonb_build_object('a', repeat('x', 1000)))",
                [role],
            )
    assert sql("select count(*) from hourhand.job_runs") == [(2,)]


def test_a_type_of_ones_own_lends_nobody_the_owners_rights(sql: Sql, database_url: str) -> None:
    """Functions run with their owner's rights; a domain of the caller that they take for jsonb would too."""
    every = [row for (row,) in sql("select typname::text from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype = 'b' and typname !~ '^_' and typname in ('jsonb', 'text', 'timestamptz', 'uuid', 'regclass', 'name', 'json')")]  # fmt: skip
    assert len(every) == 7
    said: list[str] = []
    with as_role(database_url, "hourhand_worker") as worker:
        worker.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        worker.execute(
            "create function pg_temp.spy(text) returns boolean language plpgsql as"
            " $$ begin raise notice 'as %', current_user; return true; end $$"
        )
        for kind in every:
            worker.execute(
                f"create domain pg_temp.{kind} as pg_catalog.{kind} check (pg_temp.spy(value::pg_catalog.text))".encode()
            )
        worker.execute(
            'select hourhand.enqueue(\'t\'), hourhand.ensure_partitions(), hourhand.put_schedule(\'{"name": "a", "task": "t", "every": "1h"}\')'
        )
        worker.execute(
            "select hourhand.list_schedules(), hourhand.prune(), hourhand.rescue(), hourhand.get_status()"
        )
    assert [line for line in said if OWNER in line] == []
