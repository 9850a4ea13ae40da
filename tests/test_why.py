"""Why did it run, or not? Every answer, from a real scheduler at a time that the test moves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourhand import Client
from hourhand.errors import NotFound
from hourhand.explanation import Explanation
from hourhand.testing import DatabaseClock
from hourhand.transport import Transport
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session
from tests.support.hand import Hand

Sql = Callable[..., list[Any]]
DAY = "2026-03-10"


def at(text: str) -> datetime:
    """`09:00` of the day of most tests, or another date: `2026-03-11T09:00`; in UTC."""
    return datetime.fromisoformat(text if "T" in text else f"{DAY}T{text}").replace(tzinfo=UTC)


class World:
    """A client, a clock that stands still, and a scheduler that lives when it is told to."""

    def __init__(self, client: Client, clock: DatabaseClock, transport: Transport) -> None:
        self.client = client
        self.clock = clock
        self.transport = transport

    def create(self, **fields: Any) -> None:
        if not fields.keys() & {"cron", "every", "run_at"}:
            fields["cron"] = "0 * * * *"
        self.client.schedules.create("news", "fetch", **{"timezone": "UTC", **fields})

    def fire(self, when: str) -> None:
        """A scheduler lives for a moment."""
        with self.living(when):
            pass

    @contextmanager
    def living(self, since: str, until: str | None = None) -> Iterator[None]:
        self.clock.freeze(at(since))
        session = Session(self.transport, Journal(), lease=90)
        session.open()
        Scheduler(self.transport, self.client.settings, session, Journal()).finish()
        yield
        if until is not None:
            self.clock.freeze(at(until))
        session.close()

    def why(self, when: str | datetime) -> Explanation:
        moment = at(when) if isinstance(when, str) else when
        (found,) = self.client.schedules.why("news", moment)
        assert found.at == moment
        return found

    def told(self, when: str | datetime, kind: str) -> str:
        found = self.why(when)
        assert found.kind == kind, found
        return found.text


@pytest.fixture
def world(database_url: str, transport: Transport) -> Iterator[World]:
    with DatabaseClock(database_url) as clock, Client(database_url) as client:
        clock.freeze(at("08:30"))
        yield World(client, clock, transport)


@pytest.fixture
def hand(world: World, transport: Transport) -> Hand:
    return Hand(transport, "fetch", lease=1e6)


# --- It ran ---


def test_it_ran(world: World, hand: Hand) -> None:
    world.create()
    world.fire("08:30")
    world.fire("09:00")
    assert (
        world.told("09:00", "fired")
        == "2026-03-10 09:00:00 UTC: it fired on time as run 1, which waits to be run."
    )
    (run,) = hand.claim()
    assert "which has been running since 2026-03-10 09:00:00 UTC" in world.told("09:00", "fired")
    world.clock.advance(90)
    hand.finish([run])
    assert world.told("09:00", "fired").endswith("as run 1, which completed after 1m 30s.")
    assert world.why("09:00").run_id == run["id"]


def test_it_ran_late_and_failed(world: World, hand: Hand) -> None:
    world.create()
    world.fire("08:30")
    world.fire("09:20")
    world.clock.advance(2)
    hand.work("failed", error={"class": "ValueError", "message": "no\nfeed"})
    assert world.told("09:00", "fired").endswith(
        "it fired 20m late as run 1, which failed after 0s: ValueError: no feed."
    )


def test_its_run_was_cancelled_or_is_deleted(world: World, sql: Sql) -> None:
    world.create()
    world.fire("08:30")
    world.fire("09:00")
    world.client.runs.cancel(1, "holiday")
    assert "which was cancelled: holiday." in world.told("09:00", "fired")
    sql("delete from hourhand_parts.job_runs_history")
    assert "as run 1, which has been deleted since." in world.told("09:00", "fired")


def test_a_fleet_started_some_items(world: World) -> None:
    world.create(rank_intervals={"1": "1 day", "limit": 1})
    items = [{"item": name, "due_at": at("08:00").isoformat()} for name in "ab"]
    world.transport.call("set_items", {"p_schedule": "news", "p_items": items})
    world.fire("08:30")
    world.fire("09:00")
    assert world.told("09:00", "fired").endswith("it fired on time and started 1 of 2 due items.")


def test_it_was_backfilled(world: World) -> None:
    world.create(catch_up="skip")
    world.fire("08:30")
    world.fire("11:30")
    world.client.schedules.backfill("news", at("10:00"), at("10:00"))
    told = world.told("10:00", "backfilled")
    assert "it was backfilled on 2026-03-10 11:30:00 UTC as run 1, which waits to be run." in told
    assert told.endswith("Before, it was missed: not fired on time (catch_up skip).")
    world.client.schedules.backfill("news", at("07:00"), at("07:00"))
    assert "Before" not in world.told("07:00", "backfilled")


# --- It was decided that nothing runs ---


def test_it_was_missed_while_no_scheduler_was_alive(world: World) -> None:
    world.create(catch_up="skip")
    with world.living("08:30", "08:40"):
        pass
    world.fire("12:30")
    told = world.told("10:00", "missed")
    assert "it was missed: not fired on time (catch_up skip)." in told
    assert "No scheduler was alive from 2026-03-10 08:40:00 UTC to 2026-03-10 12:30:00 UTC." in told
    assert "The same goes for all 4 from 2026-03-10 09:00:00 UTC to 2026-03-10 12:00:00 UTC." in told


def test_it_was_missed_although_a_scheduler_was_alive(world: World) -> None:
    world.create(catch_up="skip")
    with world.living("08:30", "10:30"):
        pass
    world.fire("10:30")
    assert "No scheduler" not in world.told("10:00", "missed")


def test_it_was_too_late_for_the_window_or_one_of_too_many(world: World) -> None:
    world.create(catch_up="all", catch_up_window="2h", catch_up_limit=1)
    world.fire("08:30")
    world.fire("12:30")
    assert "it was missed: more than 2h late (catch_up_window)." in world.told("10:00", "missed")
    assert "it was missed: more than 1 were due (catch_up_limit)." in world.told("11:00", "missed")


def test_it_was_made_up_for_by_a_later_run(world: World) -> None:
    world.create(catch_up_window="1d")
    world.fire("08:30")
    world.fire("12:30")
    told = world.told("10:00", "coalesced")
    assert "it was made up for by run 1, that of 2026-03-10 12:00:00 UTC (catch_up last)." in told
    assert "No scheduler was alive" in told


def test_what_was_to_make_up_for_it_may_have_been_skipped(world: World) -> None:
    world.create(catch_up_window="1d")
    world.fire("08:30")
    world.client.schedules.trigger("news")
    world.fire("12:30")
    assert (
        "2026-03-10 12:00:00 UTC was to make up for it (catch_up last), and was skipped,"
        " because run 1 of this schedule was not over (overlap skip)."
    ) in world.told("10:00", "coalesced")


def test_it_was_skipped_because_a_run_was_not_over(world: World, hand: Hand) -> None:
    world.create()
    world.fire("08:30")
    world.fire("09:00")
    world.fire("10:00")
    told = world.told("10:00", "skipped_overlap")
    assert "it was skipped, because run 1 of this schedule was still pending (overlap skip)" in told
    assert told.endswith("which has been waiting since 2026-03-10 09:00:00 UTC.")
    runs = hand.claim()
    world.fire("11:00")
    assert world.told("11:00", "skipped_overlap").endswith(
        "was still processing (overlap skip), which has been running since 2026-03-10 10:00:00 UTC."
    )
    hand.finish(runs)
    assert world.told("11:00", "skipped_overlap").endswith(
        "which ran from 2026-03-10 10:00:00 UTC to 2026-03-10 11:00:00 UTC."
    )


def test_it_was_given_up_after_its_deadline(world: World) -> None:
    world.create(start_deadline="10m")
    world.fire("08:30")
    world.fire("09:20")
    assert "it was given up: more than 10m late (start_deadline)." in world.told("09:00", "expired")


def test_its_day_is_excluded(world: World) -> None:
    world.create(exclude=["tue", "2026-03-12"])
    world.fire("08:30")
    world.fire("09:00")
    assert world.told("09:00", "excluded").endswith("it did not run: excluded by tue.")
    assert world.told("2026-03-12T09:00", "excluded").endswith("it will not fire: excluded by 2026-03-12.")


def test_it_was_paused_for_a_while(world: World) -> None:
    world.create()
    world.fire("08:30")
    world.client.schedules.pause("news", at("10:30"), "feeds are being moved")
    assert world.told("10:00", "paused").endswith(
        "it will not fire: the schedule is paused until 2026-03-10 10:30:00 UTC, by postgres (hourhand-client) on"
        " 2026-03-10 08:30:00 UTC: feeds are being moved."
    )
    world.fire("08:31")
    world.fire("10:00")
    assert (
        "it did not run: the schedule was paused until 2026-03-10 10:30:00 UTC, by postgres (hourhand-client) on"
        " 2026-03-10 08:30:00 UTC: feeds are being moved." in world.told("10:00", "paused")
    )


def test_a_long_pause_is_one_stretch_of_which_a_part_can_be_backfilled(world: World, sql: Sql) -> None:
    world.create(cron="*/10 * * * *")
    world.fire("08:30")
    world.client.schedules.pause("news", at("10:05"))
    for minutes in range(5, 100, 10):
        world.fire((at("08:30") + timedelta(minutes=minutes)).strftime("%H:%M"))
    rows = "select decision, count from hourhand.schedule_firings order by scheduled_for"
    assert sql(rows) == [("paused", 9)]
    assert "The same goes for all 9 from" in world.told("09:20", "paused")
    world.told("09:25", "no_instant")
    world.client.schedules.backfill("news", at("09:00"), at("09:10"))
    world.fire("10:10")
    assert sql(rows) == [("paused", 2), ("backfilled", 1), ("backfilled", 1), ("paused", 5), ("fired", 1)]
    world.told("09:10", "backfilled")
    assert "The same goes for all 5 from 2026-03-10 09:20:00 UTC to 2026-03-10 10:00:00 UTC." in world.told(
        "09:30", "paused"
    )


def test_what_happened_under_an_earlier_name_is_told(world: World, sql: Sql) -> None:
    world.create()
    world.fire("08:30")
    world.client.schedules.pause("news", note="holiday")
    world.clock.freeze(at("09:30"))
    world.client.schedules.resume("news")
    for old, new in [("news", "items"), ("items", "news of old"), ("news of old", "news")]:
        sql("update hourhand.scheduled_jobs set name = %s where name = %s", new, old)
    sql("update hourhand.scheduled_jobs set name = 'stories'")
    world.create()  # another schedule has the old name now
    (found,) = world.client.schedules.why("stories", at("09:00"))
    assert found.text.endswith("by postgres (hourhand-client) on 2026-03-10 08:30:00 UTC: holiday.")
    world.told("09:00", "before_creation")


def test_it_was_paused_for_good(world: World) -> None:
    world.create()
    world.fire("08:30")
    world.client.schedules.pause("news", note="holiday")
    assert "it will not fire while the schedule is paused, by postgres (hourhand-client) on" in world.told(
        "09:00", "paused"
    )
    world.fire("09:30")
    world.clock.freeze(at("11:30"))
    world.client.schedules.resume("news")
    world.fire("11:31")
    told = world.told("10:00", "paused")
    assert told.endswith(
        "it did not fire: the schedule was paused, by postgres (hourhand-client) on 2026-03-10 08:30:00 UTC: holiday."
    )


# --- It is no firing ---


def test_it_is_not_one_of_its_times(world: World) -> None:
    world.create(cron="*/15 * * * *", timezone="Europe/Berlin")
    world.fire("08:30")
    assert world.told("2026-03-10T15:05", "no_instant") == (
        "2026-03-10 16:05:00 CET: this is not one of its times; the one before is 2026-03-10 16:00:00 CET"
        " and the next is 2026-03-10 16:15:00 CET."
    )


def test_it_comes_only_once(world: World) -> None:
    world.create(run_at="2026-03-10T09:00")
    assert "the one before is 2026-03-10 09:00:00 UTC and there is none after it" in world.told(
        "10:00", "no_instant"
    )


def test_the_schedule_did_not_exist_yet(world: World) -> None:
    world.create()
    assert world.told("07:00", "before_creation").endswith(
        "the schedule did not exist yet; it was created on 2026-03-10 08:30:00 UTC."
    )


def test_it_lies_outside_the_time_of_the_schedule(world: World) -> None:
    world.create(starts_at=at("10:30"), ends_at=at("12:30"))
    world.fire("14:00")
    assert "does not fire before 2026-03-10 10:30:00 UTC (starts_at)" in world.told("10:00", "before_start")
    assert "does not fire after 2026-03-10 12:30:00 UTC (ends_at)" in world.told("13:00", "after_end")


def test_the_last_of_its_runs_comes_before(world: World) -> None:
    world.create(max_runs=2)
    world.fire("08:30")
    world.fire("09:00")
    assert world.why("10:00").kind == "coming"
    assert "it will not fire: the last of its 2 runs comes before (max_runs)." in world.told(
        "11:00", "max_runs"
    )
    world.client.runs.cancel(1)
    world.fire("10:00")
    world.fire("12:30")
    assert "the last of its 2 runs had come before (max_runs)." in world.told("11:00", "max_runs")


# --- It has not come ---


def test_it_has_not_come_yet(world: World, hand: Hand) -> None:
    world.create()
    with world.living("08:30"):
        assert world.told("11:00", "coming").endswith("it has not come yet: it fires in 2h 30m.")


def test_what_may_keep_it_from_firing_is_named(world: World) -> None:
    world.create()
    with world.living("08:30", "08:31"):
        pass
    world.client.schedules.trigger("news")
    told = world.told("09:00", "coming")
    assert "But no scheduler is running (the last was seen on 2026-03-10 08:31:00 UTC)." in told
    assert "And no worker that runs knows the task fetch." in told
    assert "And if run 1 (pending) is not over by then, it is skipped (overlap skip)." in told


def test_it_is_due_and_nobody_has_come_to_it(world: World) -> None:
    world.create()
    world.clock.freeze(at("09:10"))
    assert (
        "no scheduler has come to the schedule yet, and it counts from then on; no scheduler is running."
        in (world.told("09:00", "undecided"))
    )
    world.fire("09:10")
    world.clock.freeze(at("10:00"))
    assert "it is due, and no scheduler is running (the last was seen on" in world.told("10:00", "undecided")
    with world.living("10:30"):
        assert world.why("10:00").kind == "fired"


def test_the_schedule_is_set_aside(world: World, sql: Sql) -> None:
    world.create()
    world.fire("08:30")
    sql("update hourhand.scheduled_jobs set cron = '61 * * * *'")
    world.fire("08:31")
    assert "its timing cannot be used: minute '61'" in world.told("09:00", "broken")
    assert world.client.schedules.why("news")[0].kind == "broken"
    sql("update hourhand.scheduled_jobs set cron = '0 * * * *'")
    sql("update hourhand.scheduled_jobs set error = 'payload is odd'")
    assert "it will not fire: the schedule is set aside until it is edited: payload is odd." in world.told(
        "10:00", "broken"
    )
    world.clock.freeze(at("10:30"))
    assert "it did not fire: the schedule is set aside" in world.told("10:00", "broken")


# --- It was lost from sight ---


def test_the_schedule_was_changed_before_anybody_came_to_it(world: World) -> None:
    world.create()
    world.fire("08:30")
    world.clock.freeze(at("10:30"))
    world.client.schedules.update("news", cron="30 * * * *")
    world.fire("10:31")
    assert (
        "nothing was decided about it: before a scheduler came to it, postgres (hourhand-client) changed the schedule on"
        " 2026-03-10 10:30:00 UTC" in world.told("10:00", "changed")
    )
    assert "this is not one of its times" in world.told("12:00", "no_instant")


def test_the_timetable_of_then_counts(world: World) -> None:
    world.create()
    world.fire("08:30")
    world.fire("09:00")
    world.clock.freeze(at("09:10"))
    world.client.schedules.update("news", cron="30 * * * *", overlap="allow_all")
    world.fire("09:10")
    world.fire("09:30")
    assert world.why("09:00").kind == "fired"
    assert world.why("09:30").kind == "fired"
    assert "the next is 2026-03-10 09:00:00 UTC" in world.told("08:59", "no_instant")


def test_what_is_older_than_the_retention_is_gone(world: World, sql: Sql) -> None:
    world.create()
    world.fire("08:30")
    world.fire("09:00")
    world.clock.advance(timedelta(days=31))
    world.transport.call("prune", {"p_retention_days": 30})
    assert world.told("09:00", "deleted").endswith(
        "nothing is recorded any more: what is older than 30 days is deleted."
    )


def test_a_gap_in_the_ledger_is_owned_up_to(world: World, sql: Sql) -> None:
    world.create()
    world.fire("08:30")
    world.fire("09:00")
    sql("delete from hourhand.schedule_firings")
    assert "nothing is recorded about it." in world.told("09:00", "unknown")


# --- Clock changes ---


def test_a_local_time_that_clocks_skip(world: World) -> None:
    world.clock.freeze(at("2026-03-28T12:00"))
    world.create(cron="30 2 * * *", timezone="Europe/Berlin")
    world.fire("2026-03-28T12:00")
    world.fire("2026-03-29T01:00")
    (found,) = world.client.schedules.why("news", datetime(2026, 3, 29, 2, 30))  # noqa: DTZ001
    assert (found.at, found.kind) == (at("2026-03-29T01:00"), "fired")
    assert found.text.startswith(
        "02:30 does not exist on 2026-03-29 in Europe/Berlin: clocks go forward from 02:00 to 03:00."
        " 2026-03-29 03:00:00 CEST: it fired on time as run 1"
    )
    assert (
        "02:30 is skipped, as clocks go forward from 02:00 to 03:00: it fires once, right after the change"
        in found.text
    )


def test_a_local_time_that_clocks_repeat(world: World) -> None:
    world.clock.freeze(at("2026-10-24T12:00"))
    world.create(cron="30 2 * * *", timezone="Europe/Berlin")
    world.fire("2026-10-24T12:00")
    world.fire("2026-10-25T00:30")
    first, second = world.client.schedules.why("news", datetime(2026, 10, 25, 2, 30))  # noqa: DTZ001
    assert (first.kind, second.kind) == ("fired", "no_instant")
    assert "02:30 comes twice on 2026-10-25" in first.text
    assert "02:30:00 CEST: it fired" in first.text
    assert "02:30:00 CET: this is not one of its times" in second.text
    assert "repeated, as clocks go back from 03:00 to 02:00: it fires only the first time" in second.text


# --- What is asked ---


def test_without_a_time_it_tells_about_the_last_three_and_the_next(world: World) -> None:
    world.create(overlap="allow_all")
    world.fire("08:30")
    for hour in range(9, 14):
        world.fire(f"{hour:02}:00")
    found = world.client.schedules.why("news")
    assert [(each.at.hour, each.kind) for each in found] == [
        (11, "fired"),
        (12, "fired"),
        (13, "fired"),
        (14, "coming"),
    ]


def test_a_schedule_may_be_asked_for_by_its_id(world: World) -> None:
    world.create()
    (found,) = world.client.schedules.why("1", at("07:00"))
    assert found.kind == "before_creation"
    with pytest.raises(NotFound):
        world.client.schedules.why("missing")
