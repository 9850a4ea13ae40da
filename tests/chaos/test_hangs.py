"""A database that hangs: it takes connections and calls, and does not answer."""

import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support import eventually
from tests.support.chaos import Daemon, Print, Site
from tests.support.proxy import Proxy, proxy

DRAIN, BOUND = 1.0, 14.0
"""Seconds: what running tasks are given, and what all the rest may take on a machine that is busy with other tests."""

AWHILE = 3.0


@pytest.fixture
def network(site: Site) -> Iterator[Proxy]:
    with proxy(site.url) as it:
        yield it


def scheduler(site: Site, network: Proxy) -> Daemon:
    return site.scheduler(DATABASE_URL=network.url)


def idle_worker(site: Site, network: Proxy) -> Daemon:
    return site.worker(DATABASE_URL=network.url, HOURHAND_SHUTDOWN_SECONDS=DRAIN)


def busy_worker(site: Site, network: Proxy) -> Daemon:
    """Also with more than it can run."""
    for task in ("hold", "hold-async") * 5:
        site.enqueue(task, {"gate": "never"})
    worker = idle_worker(site, network)
    eventually(lambda: len(worker.events("run.started")) == 5, 20, interval=0.05)
    return worker


@pytest.mark.parametrize("start", [scheduler, idle_worker, busy_worker])
def test_a_daemon_whose_database_hangs_stops_in_time_and_says_why(
    site: Site, network: Proxy, start: Callable[[Site, Proxy], Daemon], tell: Print
) -> None:
    daemon = start(site, network)
    site.await_open()
    network.stand_still()
    threading.Event().wait(AWHILE)  # until a call is under way
    began = time.monotonic()
    daemon.send(signal.SIGTERM)
    assert daemon.process.wait(100) == 0
    took = time.monotonic() - began
    tell(f"{start.__name__} whose database hangs: stopped after {took:.2f} s")
    assert took < DRAIN + BOUND
    said = [
        f"{event['message']} {event.get('error')}" for event in daemon.events() if event["level"] == "WARNING"
    ]
    assert any("does not answer" in each or "timeout expired" in each for each in said), said


def test_what_ends_while_the_database_hangs_is_delivered_when_it_answers_again(
    site: Site, network: Proxy
) -> None:
    """Also where the lease has ended meanwhile, as nobody has taken the runs away."""
    runs = [site.enqueue(task, {"gate": "open"}) for task in ("babble", "babble")]
    worker = site.worker(DATABASE_URL=network.url)
    eventually(lambda: len(worker.events("run.started")) == 2, 20, interval=0.05)
    network.stand_still()
    site.gate("open").touch()
    over = (
        "select count(*) from hourhand.services where lease_until < clock_timestamp() - interval '1 second'"
    )
    eventually(lambda: site.value(over), 20, interval=0.1)
    assert {site.status(run) for run in runs} == {"processing"}
    network.flow()
    eventually(lambda: {site.status(run) for run in runs} == {"completed"}, 20, interval=0.1)
    assert [site.run(run)["attempt"] for run in runs] == [1, 1]
    assert not worker.events("run.refused")
