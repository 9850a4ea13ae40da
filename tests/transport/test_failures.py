"""Every way to be misconfigured is told: what is wrong, where, and what to try; and never a secret."""

import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hourhand.errors import (
    BadInput,
    BadSetting,
    Conflict,
    ContractMismatch,
    Denied,
    HourhandError,
    NotFound,
    Timeout,
    TransportError,
    Unavailable,
)
from hourhand.transport.failures import meaning
from hourhand.transport.postgres import PostgresTransport
from tests.support import eventually
from tests.support.databases import Postgres
from tests.support.roles import guarded_role

PASSWORD = "s3cr3t-horse"


def failure(url: str, function: str = "info", **params: object) -> TransportError:
    """The error of one impatient call."""
    transport = PostgresTransport(url, application_name="hourhand-tests", patience=0)
    try:
        with pytest.raises(TransportError) as caught:
            transport.call(function, params)
    finally:
        transport.close()
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    assert PASSWORD not in shown
    assert isinstance(caught.value.__cause__, psycopg.Error)
    return caught.value


def changed(url: str, **parts: str | int) -> str:
    """The same address with other parts, as libpq writes it."""
    return make_conninfo("", **{**conninfo_to_dict(url), **parts})


def told(error: HourhandError, says: str, hint: str) -> bool:
    assert says in str(error)
    assert hint in (error.hint or "")
    return True


# --- No way to the server ---


def test_nobody_listens(database_url: str) -> None:
    error = failure(f"postgresql://postgres:{PASSWORD}@127.0.0.1:1/app")
    assert type(error) is Unavailable
    assert error.exit_code == 69
    assert told(error, "postgres at 127.0.0.1:1/app: Connection refused", "host and port in DATABASE_URL")


def test_the_host_is_unknown() -> None:
    error = failure(f"postgresql://u:{PASSWORD}@nothing.invalid/app")
    assert type(error) is Unavailable
    assert told(error, "postgres at nothing.invalid/app: ", "host and port in DATABASE_URL")


def test_the_database_does_not_exist(database_url: str) -> None:
    error = failure(changed(database_url, dbname="no_such_database"))
    assert type(error) is Unavailable
    assert told(error, 'database "no_such_database" does not exist', "Create this database")


def test_a_missing_database_is_not_waited_for(database_url: str) -> None:
    transport = PostgresTransport(
        changed(database_url, dbname="no_such_database"), application_name="hourhand-tests", patience=600
    )
    with pytest.raises(Unavailable):
        transport.call("info")


def test_the_role_does_not_exist(database_url: str) -> None:
    error = failure(changed(database_url, user="no_such_role", password=PASSWORD))
    assert type(error) is Denied
    assert told(error, 'role "no_such_role" does not exist', "Check the user in DATABASE_URL")


@pytest.fixture
def guarded(database_url: str) -> Iterator[str]:
    with guarded_role(database_url, PASSWORD) as role:
        yield role


def lets_in(url: str) -> bool:
    """Whether the server follows the new rules already."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_password_is_wrong(database_url: str, guarded: str) -> None:
    right = changed(database_url, user=guarded, password=PASSWORD)
    eventually(lambda: lets_in(right))
    for wrong in ({"password": f"{PASSWORD}!"}, {"password": ""}):
        error = failure(changed(right, **wrong))
        assert type(error) is Denied
        assert error.exit_code == 78
        assert told(error, "password", "Check the user and the password in DATABASE_URL")


def test_the_server_is_a_standby(database_url: str, sql: Callable[..., Any]) -> None:
    name = urlsplit(database_url).path.removeprefix("/")
    sql(f"alter database {name} set default_transaction_read_only = on")
    error = failure(database_url)
    assert type(error) is Unavailable
    assert told(error, "session is read-only", "the address of the primary")


def test_the_server_takes_no_more_connections(database_url: str, sql: Callable[..., Any]) -> None:
    name = urlsplit(database_url).path.removeprefix("/")
    sql("create role crowded login; grant usage on schema hourhand to crowded")
    try:
        sql(f"alter database {name} connection limit 0")
        error = failure(changed(database_url, user="crowded"))
    finally:
        sql("drop owned by crowded; drop role crowded")
    assert type(error) is Unavailable
    assert error.sqlstate == "53300"
    assert told(error, "too many connections", "pooler")


# --- The schema is not the one expected ---


def test_there_is_no_schema(empty_database_url: str) -> None:
    error = failure(empty_database_url)
    assert type(error) is ContractMismatch
    assert error.exit_code == 78
    assert told(error, 'schema "hourhand" does not exist', "Run `hourhand migrate`")


def test_there_is_no_such_function(database_url: str) -> None:
    error = failure(database_url, "invented_yesterday", p_x=1)
    assert type(error) is ContractMismatch
    assert told(error, "function hourhand.invented_yesterday(p_x => unknown)", "Run `hourhand migrate`")


def test_a_function_has_other_parameters(database_url: str) -> None:
    error = failure(database_url, "info", p_new=1)
    assert type(error) is ContractMismatch
    assert told(error, "hourhand.info(p_new => unknown)", "upgrade it")


# --- The right to do it ---


@pytest.fixture
def stranger(sql: Callable[..., Any]) -> Iterator[str]:
    sql("create role stranger login")
    yield "stranger"
    sql("drop owned by stranger; drop role stranger")


def test_the_schema_is_closed_to_a_stranger(database_url: str, stranger: str) -> None:
    error = failure(changed(database_url, user=stranger))
    assert type(error) is Denied
    assert told(error, "permission denied for schema hourhand", "hourhand_worker")


def test_a_function_is_closed_to_a_stranger(
    database_url: str, stranger: str, sql: Callable[..., Any]
) -> None:
    sql("grant usage on schema hourhand to stranger")
    error = failure(changed(database_url, user=stranger))
    assert type(error) is Denied
    assert told(error, "info: permission denied for function info", "hourhand_worker")


def test_a_statement_is_cut_off(database_url: str, sql: Callable[..., Any]) -> None:
    sql(
        "create function hourhand.nap() returns jsonb language sql as $$ select to_jsonb(pg_sleep(30)::text) $$"
    )
    name = urlsplit(database_url).path.removeprefix("/")
    sql(f"alter database {name} set statement_timeout = '100ms'")
    error = failure(database_url, "nap")
    assert type(error) is Timeout
    assert told(error, "nap: canceling statement due to statement timeout", "statement_timeout")


# --- What the functions say themselves ---


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [("PT404", NotFound), ("PT409", Conflict), ("PT422", BadInput), ("HH001", ContractMismatch)],
)
def test_a_function_speaks_for_itself(
    database_url: str, sql: Callable[..., Any], sqlstate: str, kind: type[TransportError]
) -> None:
    sql(
        "create function hourhand.refuse(p_code text) returns jsonb language plpgsql as $$"
        " begin raise exception 'no schedule is named x' using errcode = p_code, hint = 'Try y.'; end $$"
    )
    error = failure(database_url, "refuse", p_code=sqlstate)
    assert type(error) is kind
    assert (str(error), error.hint) == ("no schedule is named x", "Try y.")


def test_what_the_database_finds_wrong_is_said_in_full(database_url: str) -> None:
    error = failure(database_url, "enqueue_many", p_jobs="[1, 2")
    assert type(error) is BadInput
    assert str(error).startswith("enqueue_many: invalid input syntax for type json (The input string ended")


# --- Addresses ---


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "nonsense",
        "localhost:5432",
        f"postgresql://u:{PASSWORD}/x@host/app",
        f"postgresql://u:{PASSWORD}%zz@host/app",
        f"postgresql://u:{PASSWORD}@host/app?sslmod=require",
        f"postgresql://u:{PASSWORD}@host:port/app",
        f"https://u:{PASSWORD}@host/app",
        f"host=db password={PASSWORD} colour=blue",
        f"host=db password='{PASSWORD}",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL is not the address") as caught:
        PostgresTransport(url, application_name="hourhand-tests")
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    # Of the test's own frames only this module's source is shown.
    assert PASSWORD not in shown
    assert "%40" in (caught.value.hint or "")


def test_an_address_may_say_more_than_we_do(postgres: Postgres) -> None:
    url = changed(postgres.url, connect_timeout=3, keepalives_idle=99, application_name="theirs")
    transport = PostgresTransport(url, application_name="hourhand-tests")
    used = conninfo_to_dict(transport._address.conninfo)
    assert used["connect_timeout"] == "3"
    assert used["keepalives_idle"] == "99"
    assert used["application_name"] == "hourhand-tests"
    assert used["target_session_attrs"] == "read-write"


@pytest.mark.parametrize(
    "foreign",
    [
        "pgbouncer=true&connection_limit=1",
        "supa=base-pooler.x",
        "schema=public&pool_timeout=20",
        "workaround=supabase-pooler.vercel",
    ],
)
def test_what_other_programs_write_into_an_address_is_passed_over(postgres: Postgres, foreign: str) -> None:
    mark = "&" if "?" in postgres.url else "?"
    for url in (f"{postgres.url}{mark}{foreign}&sslmode=prefer", f"postgresql://u@h/d?{foreign}"):
        used = conninfo_to_dict(PostgresTransport(url, application_name="t")._address.conninfo)
        assert not {pair.partition("=")[0] for pair in foreign.split("&")} & used.keys()
    transport = PostgresTransport(f"{postgres.url}{mark}{foreign}", application_name="hourhand-tests")
    assert transport.query("select 1") == [(1,)]
    transport.close()


# --- Texts that this server does not say ---


@pytest.mark.parametrize(
    ("text", "sqlstate"),
    [
        ("connection failed: ... FATAL:  the database system is starting up", "57P03"),
        ("connection failed: ... FATAL:  the database system is shutting down", "57P03"),
        ("connection failed: ... FATAL:  the database system is in recovery mode", "57P03"),
        ("connection failed: ... FATAL:  sorry, too many clients already", "53300"),
        (
            "connection failed: ... FATAL:  remaining connection slots are reserved for roles with the …",
            "53300",
        ),
        ("connection failed: ... FATAL:  no more connections allowed (max_client_conn)", "53300"),
        ("connection failed: ... FATAL:  Max client connections reached", "53300"),
        (
            'connection failed: ... FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "u", no encryption',
            "28000",
        ),
        ("connection failed: ... FATAL:  Tenant or user not found", "28000"),
        ("connection failed: ... fe_sendauth: no password supplied", "28P01"),
        ("connection failed: ... session is read-only", "25006"),
        ("connection timeout expired", "08001"),
        ("connection failed: ... FATAL:  Le système de base de données démarre", "08001"),
        ("wait timeout expired", "08006"),
        ("the connection is closed", "08006"),
    ],
)
def test_a_failed_connection_is_understood_by_its_text(text: str, sqlstate: str) -> None:
    assert meaning(text) == sqlstate
