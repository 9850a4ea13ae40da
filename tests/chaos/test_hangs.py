"""A database that hangs: it takes connections and calls, and does not answer."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import eventually
from tests.support.chaos import Daemon, Print, Site
from tests.support.chaos_books import Beat, Books
from tests.support.chaos_orders import Orders
from tests.support.http_proxy import http_proxy, is_half_open
from tests.support.postgrest import PostgREST
from tests.support.proxy import Proxy, proxy

pytestmark = pytest.mark.slow

DRAIN, BOUND = 1.0, 14.0
"""Seconds: what running tasks are given, and what all the rest may take on a machine that is busy with other tests."""

PATIENCE = 15.0
"""Seconds that the files in deploy/ let a supervisor wait beyond what running tasks are given."""

AWHILE = 3.0

HANGS = (1.0, 5.0)
"""Seconds: shorter than a lease, and longer."""

BEATS = [
    Beat("every-second", every=1),
    Beat("every-second-long", every=1, lasts=0.5),
    Beat("cron-seconds", cron="* * * * * *", seconds=frozenset(range(60))),
    Beat("skip", every=1, lasts=1.5, overlap="skip", catch_up="last"),
]


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


def test_a_worker_whose_postgrest_hangs_is_gone_before_its_supervisor_loses_patience(
    supabase_url: str, postgrest: PostgREST, tmp_path: Path, tell: Print
) -> None:
    with ExitStack() as stack:
        site = Site(supabase_url, tmp_path, stack)
        network = stack.enter_context(http_proxy(postgrest.url))
        site.enqueue("hold", {"gate": "open"})  # will have ended, and one that goes on
        site.enqueue("hold-async", {"gate": "never"})
        worker = site.worker(
            **{**postgrest.environment, "SUPABASE_URL": network.url},
            HOURHAND_TRANSPORT="supabase",
            HOURHAND_SHUTDOWN_SECONDS=DRAIN,
        )
        eventually(lambda: len(worker.events("run.started")) == 2, 30, interval=0.05)
        network.fail(is_half_open)
        site.gate("open").touch()
        threading.Event().wait(AWHILE)
        began = time.monotonic()
        worker.send(signal.SIGTERM)
        assert worker.process.wait(100) == 0
        took = time.monotonic() - began
        tell(f"busy worker whose PostgREST hangs: stopped after {took:.2f} s")
        assert took < DRAIN + PATIENCE + 5  # on a machine that is busy with other tests
        assert any("does not answer" in event["message"] for event in worker.events("worker.trouble"))


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


def test_a_database_that_hangs_in_the_middle_of_work_loses_and_doubles_nothing(
    site: Site, network: Proxy, tell: Print
) -> None:
    for beat in BEATS:
        beat.insert(site)
    through = {"DATABASE_URL": network.url}
    scheduler, *workers = site.scheduler(**through), site.worker(**through), site.worker(**through)
    site.await_open()
    done = "select count(*) from effects"
    with Orders(network.url) as orders:
        for seconds in HANGS:
            before = site.value(done)
            eventually(lambda before=before: site.value(done) >= before + 10, 30, interval=0.1)
            network.stand_still()
            threading.Event().wait(seconds)
            network.flow()
    now = site.value("select clock_timestamp()")
    behind = "select count(*) from hourhand.scheduled_jobs where next_run_at is null or next_run_at <= %s"
    eventually(lambda: site.value(behind, now) == 0, 30, interval=0.1)
    site.stop([scheduler])
    live = "select count(*) from hourhand.job_runs where status in ('pending', 'processing')"
    eventually(lambda: site.value(live) == 0, 60, interval=0.1)
    site.stop(workers)
    books = Books(site, BEATS, orders.acknowledged)
    complaints = books.complaints()
    tell(f"{len(HANGS)} hangs: {books.counts()}; {len(complaints)} complaints")
    assert complaints == []
