"""Schedulers side by side, left in peace."""

import statistics

import pytest

from tests.support import eventually
from tests.support.chaos import Print, Site
from tests.support.chaos_books import Beat, Books

BEATS = [
    *(Beat(f"every-second-{number}", every=1) for number in range(10)),
    Beat("cron-seconds", cron="* * * * * *", seconds=frozenset(range(60))),
    Beat("cron-odd", cron="1/2 * * * * *", seconds=frozenset(range(1, 60, 2))),
]
SECONDS_EACH = 10


def await_firings(site: Site) -> None:
    """Until so many seconds have been fired since all schedulers are there."""
    site.await_open()
    began = site.value("select clock_timestamp()")
    fired = "select count(*) from hourhand.schedule_firings where scheduled_for > %s"
    enough = SECONDS_EACH * (len(BEATS) - 1)
    eventually(lambda: site.value(fired, began) >= enough, 3 * SECONDS_EACH, interval=0.2)


def turn_back(site: Site, beat: Beat) -> None:
    """Somebody makes due again what has been fired: then the ledger alone knows better."""
    query = (
        "update hourhand.scheduled_jobs set next_run_at = next_run_at - interval '5 seconds' where name = %s"
    )
    site.rows(query, beat.name)


@pytest.mark.slow
def test_two_and_then_three_schedulers_fire_each_instant_exactly_once(site: Site, tell: Print) -> None:
    for beat in BEATS:
        beat.insert(site)
    site.scheduler()
    site.scheduler()
    await_firings(site)
    turn_back(site, BEATS[0])
    site.scheduler()
    await_firings(site)
    site.stop(site.daemons)

    books = Books(site, BEATS, {})
    complaints = books.complaints_about_firings()
    told = [len(daemon.events("schedule.fired")) for daemon in site.daemons]
    lags = books.lags
    tell(
        f"two and three schedulers: {len(books.firings)} instants fired, {told} by each; "
        f"lag p50 {statistics.median(lags):.0f} ms, p99 {lags[len(lags) * 99 // 100]} ms; {len(complaints)} complaints"
    )
    assert complaints == []
    assert {decision for *_, decision, _, _ in books.firings} == {"fired"}
    assert sum(told) == len(books.firings)
    assert all(told), "one of them had nothing to do"
