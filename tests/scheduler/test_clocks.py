"""Clocks that are wrong or are set: that of the scheduler's machine, and that of the database."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hourhand.testing import DatabaseClock
from tests.scheduler.conftest import Insert, Sql, Start, count, stop
from tests.support import eventually
from tests.support.programs import missing

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)

ON_TIME = """
    select count(*) from hourhand.schedule_firings
    where decision = 'fired' and scheduled_for > %s and decided_at - scheduled_for < interval '1 second'
"""
UNDECIDED = """
    select count(*) from (
      select scheduled_for - lag(coalesce(scheduled_until, scheduled_for)) over (order by scheduled_for) as step
      from hourhand.schedule_firings
    ) steps where step <> interval '1 second'
"""
"""Gaps and overlaps between the instants of one schedule of seconds."""

DOUBLED = """
    select count(*) from (select 1 from hourhand.job_runs group by scheduled_for having count(*) > 1) doubles
"""


@pytest.fixture(scope="module")
def libfaketime() -> str:
    """Moves the wall clock of a process that is started with it preloaded; in Debian's package faketime."""
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        missing("libfaketime is missing: apt-get install faketime")
    return str(found)


@pytest.fixture
def clock(database_url: str) -> Iterator[DatabaseClock]:
    with DatabaseClock(database_url) as clock:
        yield clock


def on_time(sql: Sql, since: datetime) -> None:
    """Waits until three instants in a row's time have been fired when they were due."""
    eventually(lambda: count(sql, ON_TIME, since) >= 3, timeout=20)


def books(sql: Sql) -> dict[str, int]:
    return {"undecided": count(sql, UNDECIDED), "doubled": count(sql, DOUBLED)}


@pytest.mark.parametrize("days", ["+1", "-1"])
def test_the_clock_of_the_schedulers_machine_does_not_matter(
    start: Start, insert: Insert, sql: Sql, libfaketime: str, tmp_path: Path, days: str
) -> None:
    insert(every=SECOND, overlap="allow_all", catch_up="all")
    ((began,),) = sql("select now()")
    off = {"LD_PRELOAD": libfaketime, "FAKETIME": f"{days}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    process = start("--interval", "1", **off)
    on_time(sql, began)
    assert stop(process) == 0
    assert books(sql) == {"undecided": 0, "doubled": 0}
    assert count(sql, "select count(*) from hourhand.schedule_firings where decided_at < scheduled_for") == 0
    written = json.loads((tmp_path / "scheduler.log").read_text().splitlines()[0])["ts"]
    ahead = datetime.fromisoformat(written) - began
    assert abs(ahead - int(days) * DAY) < HOUR, "its clock was right"


@pytest.mark.slow
def test_a_database_clock_that_is_set_forward_and_back_loses_and_doubles_nothing(
    start: Start, insert: Insert, sql: Sql, clock: DatabaseClock
) -> None:
    insert(every=SECOND, overlap="allow_all")
    process = start("--interval", "1")
    on_time(sql, clock.now())

    clock.advance(HOUR)
    on_time(sql, clock.now())
    missed = "select sum(count) from hourhand.schedule_firings where decision in ('coalesced', 'missed')"
    assert 3590 < count(sql, missed) < 3620

    decided = "select max(coalesce(scheduled_until, scheduled_for)) from hourhand.schedule_firings"
    clock.advance(-HOUR)
    looks = "select count(*) from hourhand.services where beat_at between %s and %s"
    back = clock.now()
    eventually(lambda: count(sql, looks, back + 2 * SECOND, back + HOUR / 2), timeout=20)
    ((last,),) = sql(decided)
    assert last > back + HOUR / 2, "what had been decided is not decided again"
    assert count(sql, ON_TIME, back) == count(sql, ON_TIME, last - HOUR / 2), (
        "nothing fires in the hour again"
    )

    clock.advance(HOUR)
    on_time(sql, clock.now())
    assert stop(process) == 0
    assert books(sql) == {"undecided": 0, "doubled": 0}
