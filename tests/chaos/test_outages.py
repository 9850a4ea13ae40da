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
from tests.support.chaos import Print, Site
from tests.support.chaos_books import Beat, Books
from tests.support.chaos_orders import Orders

pytestmark = pytest.mark.slow

BEATS = [Beat(f"every-second-{number}", every=1, lasts=0.5 * (number % 2)) for number in range(6)]


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


def test_daemons_outlive_their_database(server: Server, site: Site, tell: Print) -> None:
    for beat in BEATS:
        beat.insert(site)
    scheduler, *workers = site.scheduler(), site.worker(), site.worker()
    site.await_open()
    orders = Orders(site.url)
    orders.start()
    eventually(lambda: goes_on(site), 30, interval=0.1)
    outage(server, signal.SIGINT, 0)
    eventually(lambda: goes_on(site), 30, interval=0.1)
    outage(server, signal.SIGKILL, 6)
    eventually(lambda: goes_on(site), 30, interval=0.1)
    orders.stop()
    site.stop([scheduler])
    live = "select count(*) from hourhand.job_runs where status in ('pending', 'processing')"
    eventually(lambda: site.value(live) == 0, 30, interval=0.1)
    site.stop(workers)
    for d in site.daemons:
        for e in d.events():
            if e["level"] != "INFO" or e["event"] in ("loop.recovered", "worker.note", "hints.back", "session.opened"):
                print(d.name, {k: v for k, v in e.items() if k in ("ts", "level", "event", "message")})
    books = Books(site, BEATS, orders.acknowledged)
    complaints = books.complaints()
    tell(f"outages: {books.counts()}; {orders.errors} errors of the client; {len(complaints)} complaints")
    assert complaints == []
    assert 0
