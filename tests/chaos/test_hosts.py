"""Two hosts on one database. One is cut off for longer than its lease, and comes back."""

import threading
import time
from contextlib import ExitStack

import pytest

from tests.support import eventually
from tests.support.chaos import Print, Site
from tests.support.chaos_books import Beat, Books
from tests.support.hosts import hosts
from tests.support.proxy import proxy

BEATS = [
    *(Beat(f"every-second-{number}", every=1) for number in range(4)),
    *(Beat(f"every-second-long-{number}", every=1, lasts=0.5) for number in range(4)),
    Beat("cron-seconds", cron="* * * * * *", seconds=frozenset(range(60))),
    Beat("buffer-all", every=2, lasts=0.2, overlap="buffer_all"),
    Beat("skip", every=1, lasts=1.5, overlap="skip", catch_up="last"),
]

TOGETHER, APART = 5.0, 8.0  # seconds; a lease lasts 2


def wait(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_host_that_was_cut_off_comes_back_and_nothing_is_lost_or_doubled(site: Site, tell: Print) -> None:
    for beat in BEATS:
        beat.insert(site)
    with hosts(2) as (first, second), ExitStack() as networks:
        on_second = []
        for host in (first, second):
            network = networks.enter_context(proxy(site.url, host.here))
            started = [
                site.daemon(kind, host.within, DATABASE_URL=network.url, HOURHAND_NOTIFY=notify)
                for kind, notify in (("scheduler", "on"), ("worker", "on"), ("worker", "off"))
            ]
            on_second = started
        site.await_open()
        wait(TOGETHER)
        second.cut_off()
        wait(APART)
        alone = "select count(*) from hourhand.services where state = 'lost'"
        assert site.value(alone) > 0, "the first host took over from the second"
        done = "select count(*) from hourhand.job_runs where status = 'completed'"
        before = site.value(done)
        eventually(lambda: site.value(done) > before, 10)
        second.join()
        joined = time.monotonic()
        eventually(
            lambda: all(_works(site, daemon.name) for daemon in on_second if daemon.kind == "worker"), 30
        )
        back = time.monotonic() - joined
        wait(TOGETHER)

        site.stop([daemon for daemon in site.daemons if daemon.kind == "scheduler"])
        live = "select count(*) from hourhand.job_runs where status in ('pending', 'processing')"
        eventually(lambda: site.value(live) == 0, 60, interval=0.1)
        site.stop([daemon for daemon in site.daemons if daemon.kind == "worker"])

    books = Books(site, BEATS, {})
    complaints = books.complaints()
    refused = len(site.events("run.refused"))
    tell(
        f"two hosts: one cut off for {APART:.0f} s, back at work after {back:.1f} s; {books.counts()}; "
        f"{refused} stale results refused; {len(complaints)} complaints"
    )
    assert complaints == []


def _works(site: Site, name: str) -> bool:
    """Whether a worker of this name is alive."""
    query = (
        "select count(*) from hourhand.services where name = %s and state = 'open' and lease_until > now()"
    )
    return bool(site.value(query, name))
