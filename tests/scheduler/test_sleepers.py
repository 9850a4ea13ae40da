"""The machine that sleeps: what was missed runs once, a while after the start, one at a time. With a real worker."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hourhand.testing import DatabaseClock
from hourhand.transport import Transport
from tests.scheduler.conftest import Insert, Sql, Start
from tests.support import eventually
from tests.support.chaos import Site

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
Put = Callable[..., int]

WORKER: dict[str, object] = {
    "HOURHAND_TASKS": "tests.scheduler.sleeper_tasks",
    "HOURHAND_CONCURRENCY": 8,
    "JOB_WORKER_BATCH": 8,
    "JOB_WORKER_POLL_MS": 200,
    "HOURHAND_LEASE_SECONDS": 600,  # the clock is moved
}

LIVE = "select count(*) from hourhand.job_runs where status in ('pending', 'processing')"
TOO_EARLY = "select count(*) from hourhand.job_runs where trigger = 'catch_up' and status <> 'pending'"
SIDE_BY_SIDE = """
    select a.id, a.task, b.id, b.task from hourhand.job_runs a, hourhand.job_runs b
    where a.id < b.id and 'hourhand.sequence' not in (a.task, b.task)
      and a.started_at < b.finished_at and b.started_at < a.finished_at
"""


@pytest.fixture
def clock(database_url: str) -> Iterator[DatabaseClock]:
    with DatabaseClock(database_url) as clock:
        yield clock


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(database_url, tmp_path, stack)


@pytest.fixture
def sleeper(insert: Insert, clock: DatabaseClock) -> Put:
    """Its instants of the last five hours have been missed, the newest half an hour ago."""

    def sleeper(name: str, **columns: Any) -> int:
        columns = {"task": "linger", **columns}
        hourly = {"every": HOUR, "anchor": clock.now() - HOUR / 2}
        return insert(name, due=4.5 * HOUR, **hourly, profile="sleeper", timezone="UTC", **columns)

    return sleeper


def test_what_was_missed_runs_once_a_minute_after_the_start_and_one_at_a_time(
    sleeper: Put, start: Start, site: Site, clock: DatabaseClock, transport: Transport, sql: Sql
) -> None:
    for overlap in ("skip", "buffer_all", "allow_all"):
        sleeper(overlap, overlap=overlap)
    steps = [{"task": "linger"}] * 2
    sleeper("sequence", task="hourhand.sequence", payload=json.dumps({"steps": steps}))
    sleeper("fleet", rank_intervals='{"1": "1 day"}')
    items = [{"item": name, "due_at": "2026-01-01T00:00Z"} for name in "abc"]
    transport.call("set_items", {"p_schedule": "fleet", "p_items": items})
    assert start("--once").wait(timeout=30) == 0
    waits = sql("select extract(epoch from run_at - created_at)::float8 from hourhand.job_runs")
    assert len(waits) == 3 + 1 + 3, "one each, and one for each item"
    assert all(59.9 <= wait <= 70 for (wait,) in waits)

    site.worker(**WORKER)
    site.await_open()
    clock.advance(50)
    looks = "select count(*) from hourhand.services where kind = 'worker' and beat_at > %s"
    at = clock.now()
    eventually(lambda: sql(looks, at) == [(1,)])
    assert sql(TOO_EARLY) == [(0,)]
    clock.advance(21)
    eventually(lambda: sql(LIVE) == [(0,)], timeout=30)
    ended = "select status, count(*) from hourhand.job_runs group by 1"
    assert sql(ended) == [("completed", 7 + len(steps))]
    assert sql(SIDE_BY_SIDE) == []


def test_a_backfill_that_waits_lets_no_sleeper_start_before_its_time(
    sleeper: Put, start: Start, site: Site, clock: DatabaseClock, transport: Transport, sql: Sql
) -> None:
    for overlap in ("skip", "allow_all"):
        sleeper(overlap, overlap=overlap)
        ago = [(clock.now() - hours * HOUR).isoformat() for hours in (8, 7, 6)]
        transport.call("backfill", {"p_schedule": overlap, "p_instants": ago})
    assert start("--once").wait(timeout=30) == 0
    site.worker(**WORKER)
    backfilled = "select count(*) from hourhand.job_runs where trigger = 'backfill' and status = 'completed'"
    eventually(lambda: sql(backfilled) == [(6,)], timeout=30)
    assert sql(TOO_EARLY) == [(0,)]
    clock.advance(71)
    eventually(lambda: sql(LIVE) == [(0,)], timeout=30)
    early = (
        "select count(*) from hourhand.job_runs where trigger = 'catch_up' and started_at < created_at + %s"
    )
    assert sql(early, 60 * SECOND) == [(0,)]
    assert sql(SIDE_BY_SIDE) == []
