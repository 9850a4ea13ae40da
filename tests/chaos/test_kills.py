"""Whichever daemon is killed whenever: nothing is lost, nothing is doubled."""

import os
import random
import threading
import time

import pytest

from tests.support import eventually
from tests.support.chaos import Print, Site
from tests.support.chaos_books import Beat, Books
from tests.support.chaos_orders import Orders
from tests.support.proxy import proxy

SECONDS = float(os.environ.get("HOURHAND_CHAOS_SECONDS", "40"))
PAUSE = 1.0
CONCURRENCY = 5

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59)

BEATS = [
    *(Beat(f"every-second-{number}", every=1) for number in range(5)),
    *(Beat(f"every-second-long-{number}", every=1, lasts=0.5) for number in range(3)),
    Beat("every-2-seconds", every=2),
    Beat("every-3-seconds", every=3, lasts=1.5),
    Beat("cron-seconds", cron="* * * * * *", seconds=frozenset(range(60))),
    Beat("cron-even", cron="*/2 * * * * *", seconds=frozenset(range(0, 60, 2)), lasts=0.5),
    Beat("cron-primes", cron=f"{','.join(map(str, PRIMES))} * * * * *", seconds=frozenset(PRIMES)),
    Beat("cron-range", cron="10-50/4 * * * * *", seconds=frozenset(range(10, 51, 4))),
    Beat("skip", every=1, lasts=1.5, overlap="skip", catch_up="last"),
    Beat("skip-all", every=2, overlap="skip"),
    Beat("buffer-one", every=1, lasts=1.5, overlap="buffer_one", catch_up="last"),
    Beat("buffer-all", every=2, lasts=0.2, overlap="buffer_all"),
    Beat("cancel-other", every=2, lasts=2.5, overlap="cancel_other", catch_up="last"),
    Beat("late-ones-skipped", every=1, catch_up="skip"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 120)
def test_kill_9_at_random_loses_and_doubles_nothing(site: Site, tell: Print) -> None:
    for beat in BEATS:
        beat.insert(site)
    without_hints = {"HOURHAND_NOTIFY": "off"}
    schedulers = [site.scheduler(), site.scheduler(**without_hints)]
    workers = [site.worker(), site.worker(), site.worker(**without_hints)]
    site.await_open()
    chance = random.Random()
    kills = {daemon.name: 0 for daemon in site.daemons}
    with proxy(site.url) as network, Orders(network.url) as orders:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            threading.Event().wait(chance.uniform(0.5, 1.5) * PAUSE)
            victim = chance.choice(site.daemons)
            victim.kill()
            victim.start()
            kills[victim.name] += 1
            network.lose_next_answer()

    site.await_open()
    began = time.monotonic()
    now = site.value("select clock_timestamp()")
    behind = "select count(*) from hourhand.scheduled_jobs where next_run_at is null or next_run_at <= %s"
    eventually(lambda: site.value(behind, now) == 0, 30, interval=0.1)
    site.stop(schedulers)
    live = "select count(*) from hourhand.job_runs where status in ('pending', 'processing')"
    eventually(lambda: site.value(live) == 0, 60, interval=0.1)
    drained = time.monotonic() - began
    site.stop(workers)

    books = Books(site, BEATS, orders.acknowledged)
    of_workers = sum(kills[worker.name] for worker in workers)
    complaints = books.complaints()
    tell(
        f"kill -9: {sum(kills.values())} kills ({of_workers} of workers) in {SECONDS:.0f} s; {books.counts()}; "
        f"drained in {drained:.1f} s; {len(complaints)} complaints"
    )
    assert complaints == []
    assert books.extra_effects <= of_workers * CONCURRENCY
    assert len(books.firings) > SECONDS * len(BEATS) / 4
    assert sum(kills.values()) > SECONDS / 3
