"""Postgres goes away under load and comes back: the daemons go on by themselves."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hourhand import migrate
from hourhand.embedded import Server
from hourhand.transport.postgres import PostgresTransport
from tests.support import eventually
from tests.support.chaos import Daemon, Print, Site
from tests.support.chaos_books import Beat, Books
from tests.support.chaos_orders import Orders
from tests.support.proxy import proxy

pytestmark = pytest.mark.slow

BEATS = [Beat(f"every-second-{number}", every=1, lasts=0.5 * (number % 2)) for number in range(6)]

OUTAGES = [(signal.SIGINT, 0), (signal.SIGKILL, 6)]
"""How Postgres ends, and for how many seconds it is away then."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of its own, which keeps what it has acknowledged."""
    with Server(tmp_path / "data", options={"synchronous_commit": "on"}) as server:
        yield server


@pytest.fixture
def site(server: Server, tmp_path: Path) -> Iterator[Site]:
    transport = PostgresTransport(server.url, application_name="hourhand-tests")
    migrate.apply(transport)
    transport.close()
    with ExitStack() as stack:
        yield Site(server.url, tmp_path, stack)


def goes_on(site: Site) -> bool:
    """Whether something has been fired and done since the server started."""
    since = site.value("select pg_postmaster_start_time()")
    done = "select count(*) from effects where at > %s and scheduled_for > %s"
    return bool(site.value(done, since, since) >= 2 * len(BEATS))


def outage(server: Server, number: signal.Signals, seconds: float) -> None:
    assert server.pid is not None
    os.kill(server.pid, number)
    eventually(lambda: server.pid is None, 20)
    threading.Event().wait(seconds)
    server.restart()


def said(daemon: Daemon) -> tuple[list[str], list[str]]:
    """What it warned of, and what it said when that was over."""
    warned = [
        event["message"]
        for event in daemon.events()
        if event["level"] == "WARNING"
        and "run_id" not in event
        and event["event"] not in ("run.rescued", "session.lost")
    ]
    return warned, [event["message"] for event in daemon.events("loop.recovered")]


def test_daemons_outlive_their_database(server: Server, site: Site, tell: Print) -> None:
    """Restarted at once, and then killed for longer than the scheduler repeats a call."""
    for beat in BEATS:
        beat.insert(site)
    scheduler, *workers = site.scheduler(), site.worker(), site.worker()
    site.await_open()
    with Orders(site.url) as orders:
        eventually(lambda: goes_on(site), 30, interval=0.1)
        for number, seconds in OUTAGES:
            outage(server, number, seconds)
            eventually(lambda: goes_on(site), 30, interval=0.1)
    site.stop([scheduler])
    live = "select count(*) from hourhand.job_runs where status in ('pending', 'processing')"
    eventually(lambda: site.value(live) == 0, 30, interval=0.1)
    site.stop(workers)

    books = Books(site, BEATS, orders.acknowledged)
    complaints = books.complaints()
    lines = {daemon.name: said(daemon) for daemon in site.daemons}
    counts = {name: (len(warned), len(again)) for name, (warned, again) in lines.items()}
    tell(
        f"{len(OUTAGES)} outages: {books.counts()}; {orders.errors} errors of the client; "
        f"warnings and recoveries {counts}; {len(complaints)} complaints"
    )
    assert complaints == []
    for name, (warned, again) in lines.items():
        assert warned, f"{name} did not notice"
        # The first outage may be too short to be noticed.
        assert len(warned) <= len(OUTAGES), f"{name}: {warned}"
        assert len(again) == len(warned), f"{name}: {warned}, {again}"


ROUNDS = 6


def test_workers_are_killed_and_their_database_restarted_in_a_loop(
    server: Server, site: Site, tell: Print
) -> None:
    """At once and without a checkpoint, while orders come in through a network that loses answers."""
    workers = [site.worker(), site.worker(), site.worker(HOURHAND_NOTIFY="off")]
    site.await_open()
    done = "select count(*) from effects"
    with proxy(site.url) as network, Orders(network.url) as orders:
        for number in range(ROUNDS):
            before = eventually(lambda: site.value(done), 30, interval=0.1)
            outage(server, signal.SIGQUIT, 0)
            victim = workers[number % len(workers)]
            victim.kill()
            victim.start()
            network.lose_next_answer()
            eventually(lambda before=before: site.value(done) >= before + 5, 30, interval=0.1)
    live = "select count(*) from hourhand.job_runs where status in ('pending', 'processing')"
    eventually(lambda: site.value(live) == 0, 30, interval=0.1)
    site.await_open()
    site.stop(workers)

    books = Books(site, [], orders.acknowledged)
    complaints = books.complaints_about_runs()
    tell(
        f"{ROUNDS} immediate restarts and kills: {books.counts()}; {orders.errors} errors of the client; "
        f"{len(complaints)} complaints"
    )
    assert complaints == []
    assert len(orders.acknowledged) > 5 * ROUNDS
