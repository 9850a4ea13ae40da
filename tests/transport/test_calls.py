"""What a call sends, what it returns, and the connections it uses."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from hourhand.errors import BadInput, BadSetting, EmbeddedError, TransportError, Unavailable
from hourhand.settings import load_settings
from hourhand.transport import connect, connect_direct
from hourhand.transport.postgres import PostgresTransport
from tests.support import eventually

pytestmark = pytest.mark.usefixtures("probes")


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    return shared_database_url


CEST = timezone(timedelta(hours=2))
A_UUID = UUID("0192f0c1-7d2e-4b6a-8f3b-1c2d3e4f5a6b")


@pytest.mark.parametrize(
    ("parameter", "value", "answer"),
    [
        ("text", "it's 100 % 'quoted' — ü", "it's 100 % 'quoted' — ü"),
        ("text", "", ""),
        ("text", 5, "5"),
        ("int", 7, 7),
        ("int", "7", 7),
        ("bigint", 7, 7),
        ("bigint", 2**62, 2**62),
        ("float", 3, 3),
        ("float", 0.1, 0.1),
        ("number", 2.5, 2.5),
        ("number", 2**40, 2**40),
        ("bool", True, True),
        ("bool", False, False),
        ("uuid", A_UUID, str(A_UUID)),
        ("uuid", str(A_UUID), str(A_UUID)),
        ("at", datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=CEST), "2026-07-01T10:30:00.123456"),
        ("at", "2026-07-01T12:30:00+02:00", "2026-07-01T10:30:00"),
        ("for", timedelta(days=40, microseconds=1), 3456000.000001),
        ("for", timedelta(microseconds=1), 0.000001),
        ("for", timedelta(seconds=-90), -90),
        ("for", "1 hour", 3600),
        ("json", {"a": [1, "ü", {"b": False}]}, {"a": [1, "ü", {"b": False}]}),
        ("json", [], []),
        ("json", {}, {}),
        ("json", (1, 2), [1, 2]),
        ("json", {"for": timedelta(seconds=1.5)}, {"for": 1.5}),
        ("json", {"at": datetime(2026, 7, 1, tzinfo=UTC)}, {"at": "2026-07-01T00:00:00Z"}),
        ("json", '"text that is JSON"', "text that is JSON"),
    ],
)
def test_a_value_takes_the_type_of_its_parameter(
    transport: PostgresTransport, parameter: str, value: object, answer: object
) -> None:
    assert transport.call("echo", {f"p_{parameter}": value})[parameter] == answer


def test_none_leaves_the_parameter_to_its_default(transport: PostgresTransport) -> None:
    assert transport.call("echo", {"p_text": None, "p_int": None}) == {"text": "unset"}


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("at", datetime(2026, 7, 1), "p_at: the time 2026-07-01 00:00:00 has no time zone"),  # noqa: DTZ001
        ("text", "a\0b", "NUL"),
        ("json", {"a": "a\0b"}, "unsupported Unicode escape sequence"),
        ("json", {"a": float("nan")}, "NaN"),
        ("json", {"a": object()}, "p_json: cannot be written as JSON"),
        ("json", {"a": "\udc80"}, "p_json: cannot be written as JSON"),
        ("json", deep(3000), "p_json: cannot be written as JSON"),
        ("text", "\udc80", "p_text"),
        ("int", 2**40, "out of range"),
        ("int", "seven", "invalid input syntax"),
        ("uuid", "no uuid", "invalid input syntax"),
    ],
)
def test_a_value_that_does_not_fit_is_bad_input(
    transport: PostgresTransport, parameter: str, value: object, says: str
) -> None:
    with pytest.raises(BadInput, match="echo") as caught:
        transport.call("echo", {f"p_{parameter}": value})
    assert says in str(caught.value)
    assert transport.call("echo") == {"text": "unset"}


def test_an_answer_that_cannot_be_decoded_is_an_error_of_that_call(
    transport: PostgresTransport, sql: Any
) -> None:
    sql(
        "create function hourhand.deep() returns jsonb language sql as"
        " $$ select (repeat('[', 1000) || repeat(']', 1000))::jsonb $$"
    )
    with pytest.raises(TransportError, match="deep: the answer cannot be decoded"):
        transport.call("deep")
    assert transport.call("echo") == {"text": "unset"}


def test_names_are_never_more_than_names(transport: PostgresTransport) -> None:
    with pytest.raises(BadInput, match="cannot be the name"):
        transport.call("echo() as x, pg_sleep(1)")
    with pytest.raises(BadInput, match="cannot be the name"):
        transport.call("echo", {"p_text => 'x', p_int": 1})


def test_calls_in_turn_share_a_connection(transport: PostgresTransport) -> None:
    assert len({transport.call("backend") for _ in range(5)}) == 1


def test_calls_at_the_same_time_do_not_wait_for_each_other(transport: PostgresTransport, sql: Any) -> None:
    threads = [threading.Thread(target=transport.call, args=("nap", {"p_seconds": 1})) for _ in range(6)]
    for thread in threads:
        thread.start()
    eventually(lambda: napping(sql) == 6)
    for thread in threads:
        thread.join()


def napping(sql: Any) -> int:
    found: int = sql(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
    )[0][0]
    return found


def sessions(sql: Any, name: str = "hourhand-tests") -> int:
    found: int = sql(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = %s",
        name,
    )[0][0]
    return found


def test_close_ends_every_connection(transport: PostgresTransport, sql: Any) -> None:
    busy = threading.Thread(target=transport.call, args=("nap", {"p_seconds": 0.5}))
    busy.start()
    eventually(lambda: napping(sql))
    transport.call("echo")
    assert sessions(sql) == 2
    transport.close()
    busy.join()
    eventually(lambda: sessions(sql) == 0)
    with pytest.raises(Unavailable, match="closed"):
        transport.call("echo")


def test_a_call_leaves_nothing_behind_in_the_session(transport: PostgresTransport) -> None:
    for number in range(20):
        transport.call("echo", {"p_int": number})
    assert transport.query("select count(*) from pg_prepared_statements") == [(0,)]
    assert transport.query(
        "select count(*) from pg_settings where source = 'session' and name <> 'TimeZone'"
    ) == [(0,)]


FORK = """
import os, sys
from hourhand.transport.postgres import PostgresTransport

transport = PostgresTransport(sys.argv[1], application_name="forking")
before = transport.call("backend")
child = os.fork()
if child == 0:
    assert transport.call("backend") != before
    transport.close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert transport.call("backend") == before
transport.close()
"""


def test_a_forked_child_leaves_its_parents_connections_alone(database_url: str) -> None:
    run_python("-W", "error", "-c", FORK, database_url)


def run_python(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_heavy_is_imported_by_connect() -> None:
    code = "import sys, hourhand.transport; assert not {'psycopg', 'supabase', 'pydantic'} & set(sys.modules)"
    run_python("-c", code)


def test_settings_choose_the_database(database_url: str, sql: Any) -> None:
    settings = load_settings(database_url=database_url)
    transport = connect(settings, application_name="hourhand-scheduler")
    try:
        assert transport.call("backend")
        assert sessions(sql, "hourhand-scheduler") == 1
        assert transport.name == "postgres"
    finally:
        transport.close()


def test_a_direct_connection_needs_an_address_beside_supabase() -> None:
    settings = load_settings(supabase_url="https://x.supabase.co", supabase_key="sb_secret_x")
    with pytest.raises(BadSetting, match="DATABASE_URL"):
        connect_direct(settings, application_name="hourhand-cli")


def test_without_any_database_it_says_how_to_start_one(tmp_path: Any) -> None:
    with pytest.raises(EmbeddedError, match="no embedded one runs") as caught:
        connect(load_settings(data_dir=tmp_path / "none"), application_name="hourhand-cli")
    assert "hourhand up" in (caught.value.hint or "")
    assert caught.value.exit_code == 69
