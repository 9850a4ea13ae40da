"""Migrations: from every state a database can be in, by whom- and whatever they are run."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from hourhand import log, migrate
from hourhand.errors import ContractMismatch, Denied, HourhandError, TransportError, Unavailable
from hourhand.log.lines import Line
from hourhand.sql.script import Schema, quote, read, script
from hourhand.transport.postgres import PostgresTransport
from hourhand_admin.commands.migrate import migrate as command
from tests.support import eventually
from tests.support.catalog import contents
from tests.support.databases import Postgres
from tests.support.postgrest import ensure_roles
from tests.support.programs import program

Connection = psycopg.Connection[Any]
Make = Callable[..., Schema]

ONE = "create table hourhand.first (a int); insert into hourhand.first values (1);"
TWO = "create table hourhand.second (b int);"
INFO = """
create or replace function hourhand.info() returns jsonb language sql as $$
  select jsonb_build_object('schema_version', (select max(version) from hourhand.migrations),
    'functions', (select checksum from hourhand.migrations where version = 0))
$$;
"""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a schema of a few files: the texts of its migrations, and its functions by name."""

    def make(*migrations: str, grants: str = "", **functions: str) -> Schema:
        directory = tmp_path / f"sql{len(list(tmp_path.iterdir()))}"
        (directory / "migrations").mkdir(parents=True)
        (directory / "functions").mkdir()
        for number, text in enumerate(migrations, 1):
            (directory / "migrations" / f"{number:04}_step.sql").write_text(text)
        for name, text in {"info": INFO, **functions}.items():
            (directory / "functions" / f"{name}.sql").write_text(text)
        (directory / "grants.sql").write_text(grants)
        return read(directory)

    return make


@pytest.fixture
def database(empty_database_url: str) -> Iterator[PostgresTransport]:
    transport = PostgresTransport(empty_database_url, application_name="hourhand-tests", patience=10)
    yield transport
    transport.close()


@pytest.fixture
def look(empty_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        yield connection


def versions(database: PostgresTransport) -> list[int]:
    return [version for (version,) in database.query("select version from hourhand.migrations order by 1")]


def exists(database: PostgresTransport, table: str) -> bool:
    return bool(database.query(f"select to_regclass('{table}') is not null")[0][0])


# --- Fresh, again, further ---


def test_a_fresh_database(database: PostgresTransport, make: Make) -> None:
    schema = make(ONE, TWO)
    assert migrate.pending(database, schema) == ("0001_step", "0002_step", "functions")
    migrate.apply(database, schema)
    assert migrate.pending(database, schema) == ()
    assert versions(database) == [0, 1, 2]
    assert database.call("info") == {"schema_version": 2, "functions": schema.functions_hash}


def test_again_changes_nothing(database: PostgresTransport, make: Make) -> None:
    schema = make(ONE)
    migrate.apply(database, schema)
    before = database.query("select * from hourhand.migrations order by version")
    migrate.apply(database, schema)
    assert database.query("select * from hourhand.migrations order by version") == before
    assert database.query("select * from hourhand.first") == [(1,)]


def test_only_what_is_missing_is_applied(database: PostgresTransport, make: Make) -> None:
    migrate.apply(database, make(ONE))
    schema = make(ONE, TWO)
    assert migrate.pending(database, schema) == ("0002_step", "functions")
    migrate.apply(database, schema)
    assert versions(database) == [0, 1, 2]


def test_what_a_role_may_not_see_is_not_called_missing(database: PostgresTransport, make: Make) -> None:
    migrate.apply(database, make(ONE))
    database.execute("delete from hourhand.migrations")  # as row security shows it to a stranger
    with pytest.raises(Denied, match="may not see"):
        migrate.pending(database, make(ONE))


def test_changed_functions_are_applied_anew(database: PostgresTransport, make: Make) -> None:
    answer = (
        "create or replace function hourhand.answer() returns jsonb language sql as $$ select '{}'::jsonb $$"
    )
    migrate.apply(database, make(ONE, answer=answer.format(41)))
    schema = make(ONE, answer=answer.format(42))
    assert migrate.pending(database, schema) == ("functions",)
    migrate.apply(database, schema)
    assert database.call("answer") == 42


def test_a_function_with_new_parameters_takes_the_place_of_the_old_one(
    database: PostgresTransport, make: Make
) -> None:
    """Two of one name could not be called by the names of their parameters."""
    text = "create or replace function hourhand.answer({}) returns jsonb language sql as $$ select to_jsonb(p_a) $$"
    migrate.apply(database, make(ONE, answer=text.format("p_a int")))
    migrate.apply(database, make(ONE, answer=text.format("p_a int, p_b text default ''")))
    assert database.call("answer", {"p_a": 1}) == 1
    migrate.apply(database, make(ONE, answer=text.format("p_c int default 3, p_a text default ''")))
    assert database.call("answer", {"p_c": 3}) == ""
    assert database.query("select count(*) from pg_proc where proname = 'answer'") == [(1,)]


def test_a_function_with_another_answer_takes_the_place_of_the_old_one(
    database: PostgresTransport, make: Make
) -> None:
    text = "create or replace function hourhand.answer() returns {0} language sql as $$ select '1'::{0} $$"
    migrate.apply(database, make(ONE, answer=text.format("int")))
    migrate.apply(database, make(ONE, answer=text.format("jsonb")))
    assert database.query("select pg_typeof(hourhand.answer())::text") == [("jsonb",)]


def test_what_no_function_calls_any_more_is_gone(database: PostgresTransport, make: Make) -> None:
    inside = "create or replace function hourhand_parts.{}() returns int language sql as $$ select 1 $$"
    first = "create schema hourhand_parts; " + inside.format("kept")
    called = "create or replace function hourhand.called() returns int language sql as $$ select 1 $$"
    migrate.apply(database, make(first, called=called, helper=inside.format("helper")))
    migrate.apply(database, make(first))
    names = (
        "select proname::text from pg_proc where pronamespace::regnamespace::text like 'hourhand%' order by 1"
    )
    assert database.query(names) == [("called",), ("info",), ("kept",)]


def test_new_tables_get_their_grants(database: PostgresTransport, make: Make) -> None:
    """The text of the grants is the same, but what they are for is not."""
    grants = "grant select on all tables in schema hourhand to public;"
    migrate.apply(database, make(ONE, grants=grants))
    migrate.apply(database, make(ONE, TWO, grants=grants))
    assert database.query("select has_table_privilege('pg_monitor', 'hourhand.second', 'select')") == [
        (True,)
    ]


def test_functions_may_call_what_comes_later(database: PostgresTransport, make: Make) -> None:
    early = "create function hourhand.early() returns jsonb language sql as $$ select hourhand.late() $$"
    late = "create function hourhand.late() returns jsonb language sql as $$ select '1'::jsonb $$"
    migrate.apply(database, make(ONE, early=early, late=late))
    assert database.call("early") == 1


def test_any_dollar_quotes_are_fine(database: PostgresTransport, make: Make) -> None:
    text = (
        "create table hourhand.first (a text); insert into hourhand.first values ($hourhand_0$x$hourhand_0$);"
    )
    migrate.apply(database, make(text, TWO))
    assert database.query("select * from hourhand.first") == [("x",)]
    assert quote("$hourhand_0$ $hourhand_1$").startswith("$hourhand_2$")


def test_line_endings_do_not_count(tmp_path: Path, make: Make) -> None:
    schema = make(ONE + "\n" + TWO)
    directory = tmp_path / "windows"
    (directory / "migrations").mkdir(parents=True)
    (directory / "functions").mkdir()
    (directory / "migrations" / "0001_step.sql").write_bytes((ONE + "\r\n" + TWO + "\r\n").encode())
    assert read(directory).migrations[0].checksum == schema.migrations[0].checksum


@pytest.mark.parametrize(
    "names", [[], ["0002_b.sql"], ["0001_a.sql", "0001_c.sql"], ["1_a.sql"], ["0001.sql"]]
)
def test_files_whose_numbers_say_no_order_are_refused(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "migrations").mkdir()
    for name in names:
        (tmp_path / "migrations" / name).write_text("select 1")
    with pytest.raises(ValueError, match=r"number|named"):
        read(tmp_path)


def test_postgrest_is_told_to_look_again(database: PostgresTransport, look: Connection, make: Make) -> None:
    look.execute("listen pgrst")
    migrate.apply(database, make(ONE))
    assert [notice.payload for notice in look.notifies(timeout=5, stop_after=1)] == ["reload schema"]


def test_inside_a_transaction_the_settings_come_back(look: Connection, make: Make) -> None:
    look.execute("begin; set local search_path = public; set local lock_timeout = '7s'")
    look.execute(script(make(ONE)).encode())
    shown = look.execute(
        "select current_setting('search_path'), current_setting('lock_timeout'), current_setting('check_function_bodies')"
    )
    assert shown.fetchone() == ("public", "7s", "on")
    look.execute("rollback")


# --- All or nothing, one after the other ---


def test_what_fails_half_way_leaves_nothing(database: PostgresTransport, make: Make) -> None:
    with pytest.raises(TransportError, match="division by zero"):
        migrate.apply(database, make(ONE, "select 1 / 0"))
    assert database.query("select to_regnamespace('hourhand') is null") == [(True,)]
    migrate.apply(database, make(ONE, TWO))


@contextmanager
def stopped_half_way(database: PostgresTransport, look: Connection, make: Make) -> Iterator[Schema]:
    """A schema whose second migration waits for a table that is locked meanwhile."""
    database.execute("create table public.busy ()")
    schema = make(
        ONE, "set local lock_timeout = 0; create table hourhand.second (); alter table public.busy add c int"
    )
    look.execute("begin; lock public.busy")
    try:
        yield schema
    finally:
        look.execute("rollback")


def waiting(database: PostgresTransport) -> int:
    """The process on the server that waits for a lock; 0 for none."""
    found = database.query(
        "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    return found[0][0] if found else 0


def test_killed_half_way_nothing_has_happened(
    empty_database_url: str, database: PostgresTransport, look: Connection, make: Make
) -> None:
    failures: list[HourhandError] = []

    def apply() -> None:
        victim = PostgresTransport(empty_database_url, application_name="victim", patience=0)
        try:
            migrate.apply(victim, schema)
        except HourhandError as error:
            failures.append(error)
        finally:
            victim.close()

    with stopped_half_way(database, look, make) as schema:
        thread = threading.Thread(target=apply)
        thread.start()
        pid = eventually(lambda: waiting(database))
        database.query(f"select pg_terminate_backend({pid}, 5000)")
        thread.join()
        assert [type(failure) for failure in failures] == [Unavailable]
        assert not exists(database, "hourhand.first")
    migrate.apply(database, schema)
    assert migrate.pending(database, schema) == ()


def test_a_program_killed_half_way_leaves_all_or_nothing(
    empty_database_url: str, database: PostgresTransport, look: Connection, make: Make, tmp_path: Path
) -> None:
    with stopped_half_way(database, look, make) as schema:
        text = tmp_path / "script.sql"
        text.write_text(script(schema))
        code = "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute(open(sys.argv[2], 'rb').read())"
        with subprocess.Popen([sys.executable, "-c", code, empty_database_url, str(text)]) as process:
            eventually(lambda: waiting(database))
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert not exists(database, "hourhand.first")
    migrate.apply(database, schema)
    assert versions(database) == [0, 1, 2]


def test_two_at_once_wait_for_each_other(
    empty_database_url: str, database: PostgresTransport, look: Connection, make: Make
) -> None:
    schema = make(ONE, TWO)
    look.execute("begin; select pg_advisory_xact_lock(hashtextextended('hourhand.migrate', 0))")
    failures: list[HourhandError] = []

    def apply() -> None:
        mine = PostgresTransport(empty_database_url, application_name="racer", patience=0)
        try:
            migrate.apply(mine, schema)
        except HourhandError as error:
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=apply) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(
        lambda: (
            database.query("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            == [(3,)]
        )
    )
    look.execute("commit")
    for thread in threads:
        thread.join()
    assert failures == []
    assert versions(database) == [0, 1, 2]
    assert database.query("select * from hourhand.first") == [(1,)]


# --- Other people's schemas ---


def test_a_server_that_is_too_old_is_told_so_before_anything_is_done(
    database: PostgresTransport, make: Make
) -> None:
    text = script(make(ONE)).replace("< 150000", "< 990000")  # the servers here are all new enough
    with pytest.raises(ContractMismatch, match="needs Postgres 15 or newer; this is") as caught:
        database.execute(text)
    assert caught.value.exit_code == 78
    assert database.query("select to_regnamespace('hourhand') is null") == [(True,)]


def test_a_newer_schema_is_left_alone(database: PostgresTransport, make: Make) -> None:
    migrate.apply(database, make(ONE, TWO))
    older = make(ONE)
    for attempt in (migrate.pending, migrate.apply):
        with pytest.raises(ContractMismatch, match=r"migration 2 \(step\).* does not know") as caught:
            attempt(database, older)
        assert "upgrade this package" in (caught.value.hint or "")
        assert caught.value.exit_code == 78
    assert versions(database) == [0, 1, 2]


def test_a_changed_migration_is_refused(database: PostgresTransport, make: Make) -> None:
    migrate.apply(database, make(ONE))
    changed = make(ONE.replace("1", "2"), TWO)
    for attempt in (migrate.pending, migrate.apply):
        with pytest.raises(
            ContractMismatch, match=r"migration 1 \(step\) was applied with a different text"
        ) as caught:
            attempt(database, changed)
        assert "never changes" in (caught.value.hint or "")
    assert versions(database) == [0, 1]


def test_who_may_not_create_schemas_is_told(
    database: PostgresTransport, empty_database_url: str, look: Connection, make: Make
) -> None:
    look.execute("create role visitor login")
    try:
        visitor = PostgresTransport(
            empty_database_url.replace("postgres@", "visitor@"), application_name="visitor", patience=0
        )
        with pytest.raises(Denied, match="permission denied for database") as caught:
            migrate.apply(visitor, make(ONE))
        visitor.close()
    finally:
        look.execute("drop role visitor")
    assert "may create schemas" in (caught.value.hint or "")


# --- The handshake of daemons ---


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    with log.captured() as captured:
        yield captured


def test_a_daemon_works_with_the_schema_it_knows(
    database: PostgresTransport, make: Make, lines: list[Line]
) -> None:
    schema = make(ONE)
    migrate.apply(database, schema)
    assert migrate.check(database, schema)["schema_version"] == 1
    assert lines == []


def test_a_daemon_refuses_an_older_schema(database: PostgresTransport, make: Make) -> None:
    migrate.apply(database, make(ONE))
    with pytest.raises(ContractMismatch, match="lacks 0002_step") as caught:
        migrate.check(database, make(ONE, TWO))
    assert "hourhand migrate" in (caught.value.hint or "")


def test_a_daemon_refuses_a_database_without_schema(database: PostgresTransport, make: Make) -> None:
    with pytest.raises(ContractMismatch, match="does not exist") as caught:
        migrate.check(database, make(ONE))
    assert "hourhand migrate" in (caught.value.hint or "")


def test_a_daemon_of_the_version_before_goes_on_during_a_deploy(
    database: PostgresTransport, make: Make, lines: list[Line]
) -> None:
    migrate.apply(database, make(ONE, TWO))
    migrate.check(database, make(ONE))
    [line] = lines
    assert (line.event, line.level) == ("schema.differs", "WARNING")
    assert "newer" in line.message
    assert "upgrade" in line.message


def test_a_daemon_refuses_a_schema_that_works_with_newer_programs_only(
    database: PostgresTransport, make: Make
) -> None:
    strict = INFO.replace("'functions'", "'oldest_program', 2, 'functions'")
    migrate.apply(database, make(ONE, TWO, info=strict))
    with pytest.raises(
        ContractMismatch, match="programs that know its version 2; this one knows 1"
    ) as caught:
        migrate.check(database, make(ONE))
    assert "upgrade this package" in (caught.value.hint or "")


def test_a_daemon_refuses_a_schema_with_a_gap_that_it_needs_filled(
    database: PostgresTransport, make: Make
) -> None:
    """Numbers of parallel work land in any order."""
    told = INFO.replace(
        "'functions'", "'migrations', (select jsonb_agg(version) from hourhand.migrations), 'functions'"
    )
    whole = make(ONE, TWO, "create table hourhand.third ()", info=told)
    first, _, third = whole.migrations
    migrate.apply(database, replace(whole, migrations=(first, third)))
    with pytest.raises(ContractMismatch, match="lacks 0002_step"):
        migrate.check(database, whole)
    assert migrate.pending(database, whole) == ("0002_step", "functions")
    migrate.apply(database, whole)
    migrate.check(database, whole)
    assert versions(database) == [0, 1, 2, 3]


def test_functions_never_go_back_to_an_earlier_release(database: PostgresTransport, make: Make) -> None:
    """A host that has not been upgraded yet may run `hourhand migrate` when it starts."""
    newer = replace(make(ONE, other="select 1"), release="0.10.1")
    migrate.apply(database, newer)
    older = replace(make(ONE), release="0.9")
    for attempt in (migrate.pending, migrate.apply):
        with pytest.raises(ContractMismatch, match=r"those of hourhand 0.10.1, and this is 0.9") as caught:
            attempt(database, older)
        assert "upgrade this package" in (caught.value.hint or "")
    assert migrate.pending(database, newer) == ()
    migrate.apply(database, replace(make(ONE), release="0.10.2"))


def test_the_roles_statement_timeout_does_not_end_a_migration(
    database: PostgresTransport, look: Connection, make: Make
) -> None:
    name = look.info.dbname
    look.execute(f"alter database {name} set statement_timeout = '50ms'".encode())
    migrate.apply(database, make("select pg_sleep(0.2); " + ONE))
    assert versions(database) == [0, 1]


def test_a_statement_timeout_elsewhere_leaves_nothing_behind(look: Connection, make: Make) -> None:
    """Such as in the SQL editor: the timeout ends all of it, and it can be run again."""
    slow = make(
        "do $$ begin if current_setting('statement_timeout') <> '0' then perform pg_sleep(5); end if; end $$; "
        + ONE
    )
    look.execute("set statement_timeout = '200ms'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        look.execute(script(slow).encode())
    assert look.execute("select to_regnamespace('hourhand')").fetchone() == (None,)
    look.execute("set statement_timeout = 0")
    look.execute(script(slow).encode())


def test_a_daemon_notices_functions_of_another_version(
    database: PostgresTransport, make: Make, lines: list[Line]
) -> None:
    migrate.apply(database, make(ONE))
    migrate.check(database, make(ONE, other="select 1"))
    assert ["hourhand migrate" in line.message for line in lines] == [True]


# --- The real schema, by whatever it is run ---


@pytest.fixture
def by_migrate(postgres: Postgres) -> Iterator[str]:
    """What `migrate.apply` makes with the roles that the server has now: other tests add those of Supabase."""
    ensure_roles(postgres.url)
    with postgres.template() as template:
        yield postgres.url_of(template)


def test_psql_and_migrate_make_the_same(by_migrate: str, empty_database_url: str) -> None:
    printed = CliRunner().invoke(command, ["--print"]).output
    run_psql(empty_database_url, printed)
    run_psql(empty_database_url, printed)
    assert contents(empty_database_url) == contents(by_migrate)


def run_psql(url: str, text: str) -> None:
    done = subprocess.run(
        [program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", url],
        input=text, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_exported_file_makes_the_same(
    by_migrate: str, empty_database_url: str, look: Connection, tmp_path: Path
) -> None:
    directory = tmp_path / "supabase" / "migrations"
    exported = CliRunner().invoke(command, ["--export", str(directory)])
    [path] = directory.iterdir()
    assert exported.output == f"{path}\n"
    assert path.name.endswith("_hourhand.sql")
    assert path.name[:14].isdecimal()
    with look.transaction():
        look.execute(path.read_bytes())
    assert CliRunner().invoke(command, ["--export", str(directory)]).output == f"{path}\n"
    assert contents(empty_database_url) == contents(by_migrate)


# --- The command ---


@pytest.fixture
def hourhand(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Result]:
    """Runs `hourhand migrate` on the empty database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command, arguments, standalone_mode=False)

    return run


def test_the_command_migrates_and_says_what_it_did(hourhand: Callable[..., Result]) -> None:
    assert hourhand("--check").return_value == 1
    done = hourhand()
    assert done.return_value == 0
    assert done.stdout == ""
    assert "applied 0001_tables, " in done.stderr
    assert hourhand("--check").return_value == 0
    assert "up to date" in hourhand().stderr


def test_check_names_what_is_missing_and_changes_nothing(hourhand: Callable[..., Result]) -> None:
    for _ in range(2):
        done = hourhand("--check")
        assert done.return_value == 1
        assert "0001_tables\n" in done.stdout
        assert "Run `hourhand migrate`" in done.stderr


def test_the_command_speaks_json(hourhand: Callable[..., Result]) -> None:
    assert "functions" in json.loads(hourhand("--check", "--json").stdout)["pending"]
    assert "functions" in json.loads(hourhand("--json").stdout)["applied"]
    assert json.loads(hourhand("--check", "--json").stdout)["pending"] == []


def test_print_is_nothing_but_sql(hourhand: Callable[..., Result], database: PostgresTransport) -> None:
    printed = hourhand("--print")
    assert printed.stderr == ""
    assert printed.stdout == script(read())


def test_one_thing_at_a_time(hourhand: Callable[..., Result]) -> None:
    done = hourhand("--check", "--print")
    assert "Choose one" in str(done.exception)
