"""Backfill through the client, against a real scheduler at a time that the test moves."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourhand import Client
from hourhand.errors import BadSchedule, NotFound
from hourhand.testing import DatabaseClock
from hourhand.timetable import Timetable
from hourhand.transport import Transport
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session

Sql = Callable[..., list[Any]]
Fire = Callable[[datetime], None]

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFICE = "0 9-11 * * mon-fri"
"""Three times a working day: at unequal distances."""


@pytest.fixture
def clock(database_url: str) -> Iterator[DatabaseClock]:
    with DatabaseClock(database_url) as clock:
        clock.freeze(MONDAY)
        yield clock


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with Client(database_url) as client:
        yield client


@pytest.fixture
def fire(client: Client, clock: DatabaseClock, transport: Transport) -> Fire:
    """A scheduler lives for a moment."""

    def fire(at: datetime) -> None:
        clock.freeze(at)
        with Session(transport, Journal(), lease=90) as session:
            Scheduler(transport, client.settings, session, Journal()).finish()

    return fire


def ledger(sql: Sql) -> list[tuple[str, datetime, int]]:
    query = "select decision, scheduled_for, count from hourhand.schedule_firings order by scheduled_for"
    return [(row[0], row[1], row[2]) for row in sql(query)]


def stretches_are_right(sql: Sql) -> bool:
    """Whether each stretch holds as many instants of the timetable as it says, and begins and ends with one."""
    timetable = Timetable.of({"cron": OFFICE})
    query = (
        "select scheduled_for, coalesce(scheduled_until, scheduled_for), count from hourhand.schedule_firings"
    )
    tick = timedelta(microseconds=1)
    return all(
        timetable.count_between(begin - tick, end) == count
        and timetable.next(begin - tick) == begin
        and timetable.next(end - tick) == end
        for begin, end, count in sql(query)
    )


def test_what_did_not_run_is_run_and_what_has_run_is_not(
    client: Client, clock: DatabaseClock, fire: Fire, sql: Sql
) -> None:
    client.schedules.create("news", "t", cron=OFFICE, timezone="UTC", catch_up="skip", overlap="allow_all")
    fire(MONDAY)
    for hour in (3, 4, 5):
        fire(MONDAY + hour * HOUR)
    fire(MONDAY + 4 * DAY)
    plan = client.schedules.plan_backfill("news", MONDAY, MONDAY + 9 * DAY)
    assert (len(plan.gaps), plan.ran, plan.excluded, plan.undecided) == (9, 3, 0, None)
    assert plan.instants[0] == MONDAY + DAY + 3 * HOUR
    runs = client.schedules.backfill("news", MONDAY, MONDAY + 9 * DAY)
    assert [client.runs.get(run).scheduled_for for run in runs] == plan.instants
    assert client.schedules.plan_backfill("news", MONDAY, MONDAY + 9 * DAY).ran == 12
    assert client.schedules.backfill("news", MONDAY, MONDAY + 9 * DAY) == []
    assert [row[0] for row in ledger(sql)] == ["fired"] * 3 + ["backfilled"] * 9


@pytest.mark.parametrize(
    ("days", "limit", "left"),
    [
        ((1, 2), None, [15 - 3 - 3]),  # Tuesday
        ((2, 3), None, [3, 6]),
        ((2, 3), 1, [3, 8]),
        ((4, 5), None, [9]),
        ((1, 8), 4, [8]),
        ((2.15, 2.19), None, [4, 7]),  # 10:00 alone
    ],
)
def test_a_stretch_is_cut_exactly_at_unequal_distances(
    client: Client,
    fire: Fire,
    sql: Sql,
    days: tuple[float, float],
    limit: int | None,
    left: list[int],
) -> None:
    client.schedules.create("news", "t", cron=OFFICE, timezone="UTC", catch_up="skip")
    fire(MONDAY + DAY)
    fire(MONDAY + 7 * DAY)
    [(_, _, before)] = ledger(sql)
    assert before == 12
    start, end = (MONDAY + day * DAY for day in days)
    runs = client.schedules.backfill("news", start, end, limit=limit)
    rows = ledger(sql)
    assert stretches_are_right(sql)
    assert sum(row[2] for row in rows) == 12
    assert [row[2] for row in rows if row[0] == "missed"] == left
    assert len(runs) == 12 - sum(left)


def test_excluded_days_stay_excluded(client: Client, fire: Fire, sql: Sql) -> None:
    client.schedules.create(
        "news", "t", cron=OFFICE, timezone="UTC", catch_up="skip", exclude=["2026-03-03", "thu"]
    )
    fire(MONDAY)
    fire(MONDAY + 5 * DAY)
    plan = client.schedules.plan_backfill("news", MONDAY, MONDAY + 5 * DAY)
    assert (len(plan.gaps), plan.excluded) == (9, 6)
    client.schedules.backfill("news", MONDAY, MONDAY + 5 * DAY)
    assert stretches_are_right(sql)
    assert [(row[0], row[2]) for row in ledger(sql) if row[0] == "excluded"] == [("excluded", 3)] * 2


def test_nothing_is_taken_from_the_scheduler(
    client: Client, clock: DatabaseClock, fire: Fire, sql: Sql
) -> None:
    client.schedules.create("news", "t", cron=OFFICE, timezone="UTC")
    fire(MONDAY)
    clock.freeze(MONDAY + 4 * HOUR)
    plan = client.schedules.plan_backfill("news", MONDAY - 3 * DAY, MONDAY + DAY)
    assert plan.undecided == MONDAY + 3 * HOUR
    assert plan.instants[-1] == MONDAY - 3 * DAY + 5 * HOUR
    fire(MONDAY + 4 * HOUR)
    assert [row[0] for row in ledger(sql)][-1] == "fired"


def test_while_a_schedule_is_paused_all_that_has_passed_can_be_run(
    client: Client, clock: DatabaseClock, fire: Fire
) -> None:
    client.schedules.create("news", "t", cron=OFFICE, timezone="UTC")
    fire(MONDAY)
    client.schedules.pause("news")
    clock.freeze(MONDAY + 4 * HOUR)
    assert len(client.schedules.backfill("news", MONDAY, MONDAY + DAY)) == 2


def test_a_long_backfill_goes_in_several_calls(client: Client, clock: DatabaseClock, sql: Sql) -> None:
    client.schedules.create("often", "t", cron="* * * * *", timezone="UTC")
    runs = client.schedules.backfill("often", MONDAY - 2 * DAY, MONDAY)
    assert len(runs) == len(set(runs)) == 2 * 24 * 60 + 1
    assert sql("select count(*) from hourhand.audit_log where action = 'schedule.backfilled'") == [(3,)]


def test_too_many_are_refused_before_anything_runs(client: Client, clock: DatabaseClock, sql: Sql) -> None:
    client.schedules.create("often", "t", cron="* * * * *", timezone="UTC")
    with pytest.raises(BadSchedule, match="more than 10000 firings of often"):
        client.schedules.backfill("often", MONDAY - 8 * DAY, MONDAY)
    assert len(client.schedules.plan_backfill("often", MONDAY - 8 * DAY, MONDAY, limit=10_000).gaps) == 10_000
    assert sql("select count(*) from hourhand.job_runs") == [(0,)]


def test_a_time_that_ends_before_it_begins_is_refused(client: Client, clock: DatabaseClock) -> None:
    client.schedules.create("news", "fetch", cron=OFFICE, timezone="UTC")
    with pytest.raises(BadSchedule, match="before it begins"):
        client.schedules.plan_backfill("news", MONDAY, MONDAY - DAY)


def test_a_fleet_and_an_unknown_name_are_refused(client: Client, clock: DatabaseClock) -> None:
    client.schedules.create("fleet", "t", every="1h", rank_intervals={"1": "1d"})
    with pytest.raises(BadSchedule, match="is a fleet"):
        client.schedules.backfill("fleet", MONDAY, MONDAY)
    with pytest.raises(NotFound):
        client.schedules.backfill("missing", MONDAY, MONDAY)
