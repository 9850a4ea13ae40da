"""Supabase: every way to be misconfigured is told, and never the key; values go as over a direct connection."""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from hourhand import log
from hourhand.client import Client
from hourhand.errors import (
    BadInput,
    BadSetting,
    ContractMismatch,
    Denied,
    HourhandError,
    NotFound,
    TransportError,
    Unavailable,
)
from hourhand.log.lines import Line, as_text
from hourhand.settings import Settings, load_settings
from hourhand.transport import connect
from hourhand.transport.supabase import SupabaseTransport
from hourhand_admin import diagnosis
from hourhand_scheduler.code import Code
from hourhand_scheduler.daemon import Daemon
from hourhand_scheduler.journal import Journal
from tests.support import eventually, http_proxy
from tests.support.databases import Postgres
from tests.support.http_proxy import Fault
from tests.support.postgrest import PostgREST, give_to_owner, postgrest, token
from tests.transport.conftest import PROBES

Trouble = Callable[..., Settings]


@pytest.fixture(scope="module")
def project(
    postgres: Postgres, supabase_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgREST]:
    """One for all tests here, with the functions that exist only to be called by tests."""
    with postgres.database(template=supabase_template) as url:
        give_to_owner(url)
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(PROBES.encode())
            database.execute("grant usage on all sequences in schema hourhand to service_role")
        with postgrest(url, tmp_path_factory.mktemp("supabase") / "postgrest.log") as it:
            yield it


@pytest.fixture
def transport(project: PostgREST) -> Iterator[SupabaseTransport]:
    with closing(transport_of(project)) as it:
        yield it


def transport_of(project: PostgREST, **changed: Any) -> SupabaseTransport:
    given = {"url": project.url, "key": project.key, "rest_path": "", "patience": 5.0, **changed}
    return SupabaseTransport(given.pop("url"), given.pop("key"), application_name="hourhand-tests", **given)


def settings_of(url: str, key: str, rest_path: str = "") -> Settings:
    return load_settings(
        supabase_url=url, supabase_key=key, supabase_rest_path=rest_path, transport="supabase"
    )


# --- Values ---

A_UUID = UUID("0192f0c1-7d2e-4b6a-8f3b-1c2d3e4f5a6b")


@pytest.mark.parametrize(
    ("parameter", "value", "answer"),
    [
        ("text", 'it\'s 100 % "quoted" — ü\n', 'it\'s 100 % "quoted" — ü\n'),
        ("text", "", ""),
        ("text", 5, "5"),
        ("int", 7, 7),
        ("bigint", 2**62, 2**62),
        ("float", 0.1, 0.1),
        ("number", 2.5, 2.5),
        ("bool", True, True),
        ("uuid", A_UUID, str(A_UUID)),
        ("at", datetime(2026, 7, 1, 10, 30, 0, 123456, tzinfo=UTC), "2026-07-01T10:30:00.123456"),
        ("for", timedelta(days=40, microseconds=1), 3456000.000001),
        ("for", timedelta(seconds=-90), -90),
        ("json", {"a": [1, "ü", {"b": False}], "n": 2**62}, {"a": [1, "ü", {"b": False}], "n": 2**62}),
        ("json", (1, 2), [1, 2]),
        ("json", [], []),
        (
            "json",
            {"for": timedelta(seconds=1.5), "at": datetime(2026, 7, 1, tzinfo=UTC)},
            {"for": 1.5, "at": "2026-07-01T00:00:00Z"},
        ),
    ],
)
def test_a_value_takes_the_type_of_its_parameter(
    transport: SupabaseTransport, parameter: str, value: object, answer: object
) -> None:
    assert transport.call("echo", {f"p_{parameter}": value}) == {"text": "unset"} | {parameter: answer}


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("at", datetime(2026, 7, 1), "has no time zone"),  # noqa: DTZ001
        ("text", "a\0b", "NUL"),
        ("json", {"a": "a\0b"}, "unsupported Unicode escape sequence"),
        ("json", {"a": float("nan")}, "cannot be written as JSON"),
        ("json", {"a": object()}, "p_json: cannot be written as JSON"),
        ("json", {"a": "\udc80"}, "p_json: cannot be written as JSON"),
        ("int", 2**40, "out of range"),
        ("uuid", "no uuid", "invalid input syntax"),
    ],
)
def test_a_value_that_does_not_fit_is_bad_input(
    transport: SupabaseTransport, parameter: str, value: object, says: str
) -> None:
    with pytest.raises(BadInput, match="echo") as caught:
        transport.call("echo", {f"p_{parameter}": value})
    assert says in str(caught.value)


def test_what_our_functions_raise_arrives_in_full(transport: SupabaseTransport) -> None:
    with pytest.raises(NotFound) as caught:
        transport.call("retry_run", {"p_run_id": 123})
    error = caught.value
    assert (str(error), error.sqlstate, error.http_status) == ("there is no run 123", "PT404", 404)
    assert error.hint


def test_an_answer_that_cannot_be_decoded_is_an_error_of_that_call(
    project: PostgREST, transport: SupabaseTransport
) -> None:
    with psycopg.connect(project.database_url, autocommit=True) as database:
        database.execute(
            "create or replace function hourhand.deep() returns jsonb language sql as"
            " $$ select (repeat('[', 3000) || repeat(']', 3000))::jsonb $$; notify pgrst, 'reload schema'"
        )

    def fails() -> bool:
        with pytest.raises(TransportError) as caught:
            transport.call("deep")
        return "cannot be decoded" in str(caught.value)

    eventually(fails)
    assert transport.call("echo") == {"text": "unset"}


# --- Keys ---


@pytest.mark.parametrize(
    "key",
    [
        "sb_publishable_abc",
        token("anon"),
        token("authenticated"),
        "line\nbreak",
        "two words",
        "schlüssel",
        "",
    ],
)
def test_a_key_that_cannot_be_right_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(BadSetting, match="SUPABASE_SERVICE_ROLE_KEY") as caught:
        SupabaseTransport("https://p.supabase.co", key, application_name="t")
    shown = f"{caught.value} {caught.value.hint}"
    assert not key or key not in shown
    assert "sb_secret_" in shown


def test_a_secret_key_is_taken(project: PostgREST) -> None:
    """Only the gateway understands it: here it is enough that it is sent, as a key and as a bearer."""
    seen = []

    def look(exchange: http_proxy.Exchange) -> None:
        seen.append((exchange.headers["apikey"], exchange.headers["Authorization"], exchange.path))
        exchange.headers.replace_header("Authorization", f"Bearer {project.key}")
        http_proxy.passes(exchange)

    with http_proxy.http_proxy(project.url) as network:
        network.fail(look)
        with closing(transport_of(project, url=network.url, key="sb_secret_abc")) as transport:
            assert transport.call("echo") == {"text": "unset"}
    assert seen == [("sb_secret_abc", "Bearer sb_secret_abc", "/rpc/echo")]


@pytest.mark.parametrize(
    ("url", "rest_path", "asked"),
    [
        ("", "/rest/v1", "/rest/v1/rpc/info"),
        ("/", "", "/rpc/info"),
        ("/rest/v1", "/rest/v1", "/rest/v1/rpc/info"),
        ("/projects/one", "/api", "/projects/one/api/rpc/info"),
    ],
)
def test_the_path_is_that_of_the_settings(project: PostgREST, url: str, rest_path: str, asked: str) -> None:
    seen = []

    def look(exchange: http_proxy.Exchange) -> None:
        seen.append(exchange.path)
        exchange.answer(404, {}, b"")

    with http_proxy.http_proxy(project.url) as network:
        network.fail(look)
        given = transport_of(project, url=network.url + url, rest_path=rest_path, patience=0)
        with closing(given) as transport, pytest.raises(Unavailable, match="404") as caught:
            transport.call("info")
    assert seen == [asked]
    assert "SUPABASE_REST_PATH" in (caught.value.hint or "")


# --- Troubles, and what to do ---


@pytest.fixture
def stale(empty_database_url: str, supabase_template: str, tmp_path: Path) -> Iterator[PostgREST]:
    """A PostgREST that has read the schema before there was anything in it."""
    with psycopg.connect(empty_database_url, autocommit=True) as database:
        database.execute("create schema hourhand; grant usage on schema hourhand to service_role")
    with postgrest(empty_database_url, tmp_path / "log", PGRST_DB_CHANNEL_ENABLED="false") as it:
        yield it


@pytest.fixture
def unexposed(project: PostgREST, tmp_path: Path) -> Iterator[PostgREST]:
    with postgrest(project.database_url, tmp_path / "log", PGRST_DB_SCHEMAS="public") as it:
        yield it


@pytest.fixture
def answering(project: PostgREST) -> Iterator[Callable[[Fault], str]]:
    with http_proxy.http_proxy(project.url) as network:

        def answering(fault: Fault) -> str:
            network.fail(fault)
            return network.url

        yield answering


@pytest.fixture
def trouble(request: pytest.FixtureRequest, project: PostgREST) -> Trouble:
    """Settings that lead into a trouble by its name."""

    def answered(fault: Fault) -> Settings:
        return settings_of(request.getfixturevalue("answering")(fault), project.key)

    def trouble(name: str) -> Settings:
        match name:
            case "stale" | "unexposed":
                return settings_of(request.getfixturevalue(name).url, project.key)
            case "wrong key":
                return settings_of(project.url, token(secret="that of another project, long enough"))
            case "expired":
                return settings_of(project.url, token(expires_in=-60))
            case "wrong key at the gateway":
                return answered(
                    http_proxy.says(401, b'{"message":"Invalid API key","hint":"Double check it."}')
                )
            case "paused":
                return answered(http_proxy.answers(540))
            case "paused, as a page":
                return answered(http_proxy.unavailable)
            case "page":
                return answered(http_proxy.page)
            case "moved":
                return answered(http_proxy.answers(301, {"Location": "https://elsewhere.test"}))
            case "no host":
                return settings_of("http://nothing.invalid", project.key)
            case _:
                return settings_of("http://127.0.0.1:1", project.key)

    return trouble


TROUBLES = [
    ("stale", ContractMismatch, "schema", "notify pgrst, 'reload schema'"),
    ("unexposed", ContractMismatch, "schema", "Add hourhand to the exposed schemas"),
    ("wrong key", Denied, "permissions", "no key of this project"),
    ("wrong key at the gateway", Denied, "permissions", "no key of this project"),
    ("expired", Denied, "permissions", "The key has expired"),
    ("paused", Unavailable, "database-unreachable", "Restore the project"),
    ("paused, as a page", Unavailable, "database-unreachable", "the project is paused"),
    ("page", Unavailable, "database-unreachable", "Something else answers there"),
    ("moved", Unavailable, "database-unreachable", "https://elsewhere.test"),
    ("no host", Unavailable, "database-unreachable", "Check SUPABASE_URL and the network"),
    ("nobody listens", Unavailable, "database-unreachable", "Check SUPABASE_URL"),
]


@pytest.mark.parametrize(("name", "kind", "finding", "hint"), TROUBLES, ids=[row[0] for row in TROUBLES])
def test_the_doctor_says_what_to_do(
    trouble: Trouble, name: str, kind: type[HourhandError], finding: str, hint: str
) -> None:
    settings = trouble(name)
    assert settings.supabase_key is not None
    with Client(settings=settings, patience=0) as client:
        found = diagnosis.diagnose(client)
        with pytest.raises(kind) as caught:
            client.call("info", retry=False)
    assert (found.findings[-1].id, found.exit_code) == (finding, kind.exit_code)
    assert hint in found.findings[-1].fix
    shown = "".join(traceback.format_exception(caught.value)) + str(found.as_json())
    assert settings.supabase_key.get_secret_value() not in shown


@pytest.mark.parametrize(("name", "kind", "finding", "hint"), TROUBLES, ids=[row[0] for row in TROUBLES])
def test_a_daemon_says_what_to_do(
    trouble: Trouble, name: str, kind: type[HourhandError], finding: str, hint: str
) -> None:
    settings = trouble(name)
    journal = Journal()
    with closing(connect(settings, application_name="tested", patience=0)) as transport:
        daemon = Daemon(transport, settings, journal, Code(settings, journal, "tested"))
        with log.captured() as lines:
            said = _said(daemon, lines)
    assert hint in said
    assert settings.supabase_key is not None
    assert settings.supabase_key.get_secret_value() not in said


def _said(daemon: Daemon, lines: list[Line]) -> str:
    """The error that ended it, or what it has logged while it waits for the database."""
    daemon._loop.tick()
    if daemon._fatal is not None:
        return f"{daemon._fatal} {daemon._fatal.hint}"
    return "".join(as_text(line) for line in lines if line.level == "WARNING")


# --- One client of a process ---


def test_a_fork_has_connections_of_its_own(project: PostgREST) -> None:
    source = f"""
import os
from hourhand.transport.supabase import SupabaseTransport
transport = SupabaseTransport({project.url!r}, {project.key!r}, application_name="t", rest_path="")
transport.call("echo")
child = os.fork()
for _ in range(20):
    assert transport.call("echo", {{"p_int": os.getpid()}})["int"] == os.getpid()
transport.close()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_neither_way_imports_the_other(project: PostgREST) -> None:
    source = """
import sys
from hourhand.settings import load_settings
from hourhand.transport import connect
transport = connect(load_settings(), application_name="t")
transport.call("info")
print(*sorted({"psycopg", "supabase"} & sys.modules.keys()))
"""
    environment = {**os.environ, **project.environment}
    direct = {**os.environ, "DATABASE_URL": project.database_url}
    for variables, imported in ((environment, "supabase\n"), (direct, "psycopg\n")):
        done = subprocess.run(
            [sys.executable, "-c", source],
            env=variables,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.stdout, done.stderr) == (imported, "")
