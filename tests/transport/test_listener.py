"""Wake-up hints: they arrive, they come back after every failure, and their absence is noticed."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hourhand import log
from hourhand.log.lines import Line
from hourhand.transport import listener as module
from hourhand.transport.listener import PostgresListener
from hourhand.transport.postgres import PostgresTransport
from tests.support import eventually
from tests.support.pgbouncer import pgbouncer
from tests.support.proxy import Proxy

RUNS, SCHEDULES = "hourhand_runs", "hourhand_schedules"


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    with log.captured() as captured:
        yield captured


def events(lines: list[Line]) -> list[str]:
    return [f"{line.level} {line.event}" for line in lines]


def listen(transport: PostgresTransport, heard: list[str], *, within: float = 5.0) -> PostgresListener:
    """A listener that has been told whether hints arrive here."""
    listener = PostgresListener(transport._connections, (RUNS, SCHEDULES), heard.append, heard_within=within)
    transport._listeners.append(listener)
    return listener


def test_a_hint_arrives(transport: PostgresTransport, heard: list[str], sql: Callable[..., Any]) -> None:
    listener = transport.listen((RUNS, SCHEDULES), heard.append)
    assert listener
    eventually(lambda: listener.working)
    eventually(lambda: sorted(heard) == [RUNS, SCHEDULES])
    heard.clear()
    sql("notify hourhand_runs")
    eventually(lambda: heard == [RUNS])


def test_once_it_listens_every_channel_is_announced(
    transport: PostgresTransport, heard: list[str], sql: Callable[..., Any]
) -> None:
    """A hint that was sent before would be missed otherwise."""
    sql("notify hourhand_runs")
    listen(transport, heard)
    eventually(lambda: sorted(heard) == [RUNS, SCHEDULES])


def test_hints_of_one_transaction_are_one_call(
    transport: PostgresTransport, heard: list[str], sql: Callable[..., Any]
) -> None:
    listener = listen(transport, heard)
    eventually(lambda: listener.working and len(heard) == 2)
    heard.clear()
    sql("select pg_notify('hourhand_runs', g::text) from generate_series(1, 100) g")
    sql("notify hourhand_schedules")
    eventually(lambda: {*heard} == {RUNS, SCHEDULES})
    assert sorted(heard) == [RUNS, SCHEDULES]


def test_a_lost_connection_is_replaced(
    transport: PostgresTransport, heard: list[str], sql: Callable[..., Any]
) -> None:
    listener = listen(transport, heard)
    eventually(lambda: listener.working and len(heard) == 2)
    heard.clear()
    sql(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name = 'hourhand-tests'"
    )
    eventually(lambda: listener.working and sorted(heard) == [RUNS, SCHEDULES])
    heard.clear()
    sql("notify hourhand_schedules")
    eventually(lambda: heard == [SCHEDULES])


def test_it_comes_back_however_often_the_server_refuses(
    distant: PostgresTransport,
    network: Proxy,
    heard: list[str],
    lines: list[Line],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.1)
    listener = listen(distant, heard)
    eventually(lambda: listener.working)
    network.refusing = True
    network.break_connections()
    eventually(lambda: not listener.working)
    tried = network.accepted
    eventually(lambda: network.accepted > tried + 4)
    network.refusing = False
    eventually(lambda: listener.working)
    assert events(lines) == ["INFO hints.lost", "INFO hints.back"]


def test_a_network_without_hints_is_noticed_and_said_once(
    distant: PostgresTransport,
    network: Proxy,
    heard: list[str],
    lines: list[Line],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_AFTER", 0.05)
    network.without_hints = True
    listener = listen(distant, heard, within=0.1)
    eventually(lambda: network.accepted > 4)
    assert not listener.working
    assert heard == []
    assert events(lines) == ["WARNING hints.lost"]
    network.without_hints = False
    eventually(lambda: listener.working)
    assert events(lines) == ["WARNING hints.lost", "INFO hints.back"]


def test_behind_a_transaction_pooler_hints_do_not_work(
    database_url: str, tmp_path: Path, heard: list[str], lines: list[Line]
) -> None:
    with pgbouncer(database_url, tmp_path) as url:
        transport = PostgresTransport(url, application_name="pooled")
        listener = listen(transport, heard, within=1.0)
        eventually(lambda: events(lines) == ["WARNING hints.lost"])
        assert not listener.working
        transport.close()


def test_a_callback_that_fails_is_called_again(
    transport: PostgresTransport, lines: list[Line], sql: Callable[..., Any]
) -> None:
    heard: list[str] = []

    def fail(channel: str) -> None:
        heard.append(channel)
        raise RuntimeError(channel)

    listener = transport.listen((RUNS,), fail)
    assert listener
    eventually(lambda: heard == [RUNS])
    sql("notify hourhand_runs")
    eventually(lambda: heard == [RUNS, RUNS])
    assert set(events(lines)) == {"ERROR hints.error"}


@pytest.mark.parametrize("twice", [False, True])
def test_close_ends_the_thread_and_the_connection(
    transport: PostgresTransport, heard: list[str], sql: Callable[..., Any], twice: bool
) -> None:
    listener = listen(transport, heard)
    eventually(lambda: listener.working)
    listener.close()
    if twice:
        listener.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "hourhand-listener"]
    assert not listener.working
    transport.close()
    eventually(
        lambda: (
            sql(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and application_name = 'hourhand-tests'"
            )
            == [(0,)]
        )
    )


def test_close_does_not_wait_for_a_server_that_is_away(
    distant: PostgresTransport, network: Proxy, heard: list[str], lines: list[Line]
) -> None:
    network.refusing = True
    listener = listen(distant, heard)
    eventually(lambda: lines)
    listener.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "hourhand-listener"]


def test_however_long_the_outage_it_comes_back(transport: PostgresTransport, heard: list[str]) -> None:
    listener = listen(transport, heard)
    listener._failures = 5000
    assert 15 <= listener._pause_after(OSError()) <= 30


def test_hints_can_be_switched_off(database_url: str, heard: list[str]) -> None:
    transport = PostgresTransport(database_url, application_name="hourhand-tests", hints=False)
    assert transport.listen((RUNS,), heard.append) is None
    transport.close()
