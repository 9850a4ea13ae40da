"""What is decided about one schedule at one moment."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import thread_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourhand_scheduler.firing import Firing
from hourhand_scheduler.plan import jittered, plan
from hourhand_scheduler.rules import Rules
from hourhand_scheduler.schedule import Schedule
from tests.scheduler.rows import row

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


def schedule(**columns: Any) -> Schedule:
    """By default every hour on the hour."""
    texts = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in columns.items()
    }
    return Schedule.read(row(**texts), "UTC")


def ran(firing: Firing) -> list[datetime]:
    return [run.at for run in firing.runs]


def notes(firing: Firing) -> list[tuple[str, datetime, datetime, int]]:
    return [(note.verdict.decision, note.first, note.last, note.count) for note in firing.notes]


# --- Planning ---


def test_a_new_schedule_is_planned_strictly_after_now() -> None:
    firing = plan(schedule(), NOON)
    assert (firing.runs, firing.notes, firing.then) == ((), (), NOON + HOUR)


def test_a_schedule_starts_at_starts_at_itself() -> None:
    assert plan(schedule(starts_at=NOON + 5 * HOUR), NOON).then == NOON + 5 * HOUR


def test_a_schedule_ends_after_ends_at_itself() -> None:
    assert plan(schedule(ends_at=NOON + HOUR), NOON).then == NOON + HOUR
    assert plan(schedule(ends_at=NOON + HOUR - SECOND), NOON).then is None


def test_a_one_off_in_the_past_never_fires() -> None:
    assert plan(schedule(run_at="2026-11-22T11:59:59"), NOON).then is None


def test_a_one_off_fires_once() -> None:
    one_off = schedule(run_at="2026-11-22T12:00:00", next_run_at=NOON)
    firing = plan(one_off, NOON)
    assert (ran(firing), firing.then) == ([NOON], None)


def test_a_row_without_a_timezone_is_given_the_default() -> None:
    nameless = row(cron="0 12 * * *")
    firing = plan(Schedule.read(nameless, "Europe/Berlin"), NOON)
    assert (firing.then, firing.as_json()["timezone"]) == (NOON + 23 * HOUR, "Europe/Berlin")
    named = Schedule.read({**nameless, "timezone": "UTC"}, "Europe/Berlin")
    assert "timezone" not in plan(named, NOON).as_json()


# --- On time ---


@pytest.mark.parametrize("late", [timedelta(0), timedelta(milliseconds=1), 60 * SECOND])
@pytest.mark.parametrize("catch_up", ["skip", "last", "all"])
def test_an_instant_on_time_runs_at_the_instant_itself(late: timedelta, catch_up: str) -> None:
    firing = plan(schedule(next_run_at=NOON, catch_up=catch_up), NOON + late)
    (run,) = firing.runs
    assert (run.at, run.run_at, run.trigger) == (NOON, NOON, "schedule")
    assert (firing.notes, firing.then) == ((), NOON + HOUR)


@pytest.mark.parametrize(("catch_up", "seconds"), [("skip", [20]), ("last", [20]), ("all", [0, 10, 20])])
def test_only_the_newest_instant_is_on_time(catch_up: str, seconds: list[int]) -> None:
    """A schedule of seconds must not flood after a short downtime."""
    often = schedule(every=10, anchor=NOON, next_run_at=NOON, catch_up=catch_up)
    firing = plan(often, NOON + 25 * SECOND)
    assert ran(firing) == [NOON + each * SECOND for each in seconds]
    assert [run.trigger for run in firing.runs] == [*["catch_up"] * (len(seconds) - 1), "schedule"]


def test_nothing_happens_before_the_instant() -> None:
    firing = plan(schedule(next_run_at=NOON), NOON - SECOND)
    assert (firing.runs, firing.notes, firing.then) == ((), (), NOON)


def test_a_cursor_set_by_hand_is_an_instant() -> None:
    firing = plan(schedule(next_run_at=NOON + 7 * MINUTE), NOON + 7 * MINUTE)
    assert (ran(firing), firing.then) == ([NOON + 7 * MINUTE], NOON + HOUR)


# --- Late ---

LATE = NOON + 2 * HOUR + 30 * MINUTE
"""Two and a half hours after the first of three hourly instants."""


def test_catch_up_skip_runs_no_late_instant() -> None:
    firing = plan(schedule(next_run_at=NOON, catch_up="skip"), LATE)
    assert ran(firing) == []
    assert notes(firing) == [("missed", NOON, NOON + 2 * HOUR, 3)]
    assert firing.then == NOON + 3 * HOUR


def test_catch_up_last_runs_the_newest_and_notes_the_others() -> None:
    firing = plan(schedule(next_run_at=NOON, catch_up="last", catch_up_window=2 * 3600), LATE)
    (run,) = firing.runs
    assert (run.at, run.run_at, run.trigger) == (NOON + 2 * HOUR, LATE, "catch_up")
    assert notes(firing) == [("missed", NOON, NOON, 1), ("coalesced", NOON + HOUR, NOON + HOUR, 1)]


def test_catch_up_last_is_content_with_a_run_on_time() -> None:
    firing = plan(
        schedule(next_run_at=NOON, catch_up="last", catch_up_window=86400), NOON + 2 * HOUR + SECOND
    )
    assert [(run.at, run.trigger) for run in firing.runs] == [(NOON + 2 * HOUR, "schedule")]
    assert notes(firing) == [("coalesced", NOON, NOON + HOUR, 2)]


def test_catch_up_all_runs_each() -> None:
    firing = plan(schedule(next_run_at=NOON, catch_up="all", catch_up_window=86400), LATE)
    assert ran(firing) == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert (firing.notes, {run.trigger for run in firing.runs}) == ((), {"catch_up"})


def test_catch_up_all_stops_at_its_limit_and_keeps_the_newest() -> None:
    late = schedule(next_run_at=NOON, catch_up="all", catch_up_window=86400, catch_up_limit=2)
    firing = plan(late, LATE)
    assert ran(firing) == [NOON + HOUR, NOON + 2 * HOUR]
    assert notes(firing) == [("missed", NOON, NOON, 1)]
    assert firing.notes[0].verdict.reason == "more than 2 were due (catch_up_limit)"


@pytest.mark.parametrize(
    ("cron", "age", "runs"),
    [
        ("* * * * *", 59 * MINUTE, True),  # an hour at least
        ("0 2 * * *", 23 * HOUR, True),  # the period of a daily job
        ("0 */4 * * *", 3 * HOUR + 59 * MINUTE, True),
        ("0 2 * * 1", 24 * HOUR, True),  # a day at most
        ("0 2 * * 1", 24 * HOUR + SECOND, False),
    ],
)
def test_the_default_window_is_the_period_between_an_hour_and_a_day(
    cron: str, age: timedelta, runs: bool
) -> None:
    first = plan(schedule(cron=cron), NOON).then
    assert first is not None
    firing = plan(schedule(cron=cron, next_run_at=first, catch_up="all", catch_up_limit=10_000), first + age)
    assert (first in ran(firing)) is runs


def test_a_run_that_starts_too_late_expires() -> None:
    firing = plan(schedule(next_run_at=NOON, start_deadline=10), NOON + 11 * SECOND)
    assert (ran(firing), notes(firing)) == ([], [("expired", NOON, NOON, 1)])
    assert ran(plan(schedule(next_run_at=NOON, start_deadline=10), NOON + 10 * SECOND)) == [NOON]


def test_instants_of_a_pause_are_noted_and_those_after_it_run() -> None:
    paused = schedule(next_run_at=NOON, paused_until=NOON + 2 * HOUR, catch_up="all")
    firing = plan(paused, NOON + 2 * HOUR)
    assert ran(firing) == [NOON + 2 * HOUR]
    assert notes(firing) == [("paused", NOON, NOON + HOUR, 2)]
    assert firing.notes[0].verdict.reason == "paused until 2026-11-22 14:00:00 UTC"
    end = NOON + 5 * HOUR  # far beyond those that are looked at one by one
    often = schedule(cron="* * * * *", next_run_at=NOON, paused_until=end, catch_up="skip", catch_up_limit=10)
    assert notes(plan(often, NOON + 10 * HOUR)) == [
        ("paused", NOON, end - MINUTE, 300),
        ("missed", end, NOON + 10 * HOUR - MINUTE, 300),
    ]


def test_instants_after_the_end_are_none() -> None:
    firing = plan(
        schedule(next_run_at=NOON, ends_at=NOON + HOUR, catch_up="all", catch_up_window=86400), LATE
    )
    assert (ran(firing), firing.notes, firing.then) == ([NOON, NOON + HOUR], (), None)


# --- How often ---


def test_max_runs_lets_only_the_first_of_a_backlog_run() -> None:
    firing = plan(schedule(next_run_at=NOON, catch_up="all", catch_up_window=86400, runs_left=2), LATE)
    assert ran(firing) == [NOON, NOON + HOUR]
    assert firing.notes == ()  # After the last run nothing was due.


def test_a_schedule_without_runs_left_is_over() -> None:
    firing = plan(schedule(next_run_at=NOON, runs_left=0), NOON)
    assert (firing.runs, firing.notes, firing.then) == ((), (), None)


# --- Jitter ---


def test_jitter_moves_run_at_only_and_always_by_the_same() -> None:
    shaken = schedule(next_run_at=NOON, jitter=30)
    (run,) = plan(shaken, NOON).runs
    assert run.at == NOON
    assert NOON <= run.run_at < NOON + 30 * SECOND
    assert plan(shaken, NOON + SECOND).runs == (run,)


def test_jitter_spreads_schedules_over_its_whole_length() -> None:
    moved = [jittered(schedule(id=id_, jitter=60), NOON) - NOON for id_ in range(500)]
    assert max(moved) > 55 * SECOND
    assert min(moved) < 5 * SECOND
    assert len(set(moved)) == 500


# --- A long downtime ---


@pytest.mark.parametrize("catch_up", ["skip", "last", "all"])
def test_a_year_of_minutes_costs_little_and_floods_nobody(catch_up: str) -> None:
    asleep = schedule(
        cron="* * * * *", next_run_at=NOON - 365 * DAY, catch_up=catch_up, catch_up_window=10 * 86400
    )
    now = NOON + 30 * SECOND
    plan(asleep, now)
    began = thread_time()
    firing = plan(asleep, now)
    assert thread_time() - began < 0.5, "to walk through all instants takes seconds"
    assert len(firing.runs) == {"skip": 1, "last": 1, "all": 100}[catch_up]
    assert len(firing.notes) <= 2
    assert sum(note.count for note in firing.notes) + len(firing.runs) == 365 * 24 * 60 + 1


def test_ten_thousand_runs_at_once_are_planned_in_no_time() -> None:
    asleep = schedule(
        cron="* * * * *",
        next_run_at=NOON - 365 * DAY,
        catch_up="all",
        catch_up_window=366 * 86400,
        catch_up_limit=10_000,
    )
    began = thread_time()
    assert len(plan(asleep, NOON).runs) == 10_000
    assert thread_time() - began < 2


# --- Every instant is decided exactly once ---

columns = st.fixed_dictionaries(
    {
        "cron": st.sampled_from(["* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "*/20 * * * * *"]),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
        "catch_up": st.sampled_from(["skip", "last", "all"]),
        "catch_up_window": st.none() | st.integers(0, 2 * 86400),
        "catch_up_limit": st.integers(1, 50),
        "start_deadline": st.none() | st.integers(1, 7200),
        "exclude": st.none() | st.sampled_from([["sun"], ["2026-11-22", "mon"]]),
    }
)
ages = st.integers(0, 2 * 86400).map(lambda seconds: seconds * SECOND)


@settings(deadline=None)
@given(columns, ages, st.none() | ages, st.none() | ages)
def test_every_due_instant_runs_or_is_noted_once(
    columns: dict[str, Any], downtime: timedelta, pause: timedelta | None, end: timedelta | None
) -> None:
    first = schedule(**columns).timetable.next(NOON)
    assert first is not None
    now = first + downtime
    paused_until, ends_at = (None if age is None else first + age for age in (pause, end))
    late = schedule(**columns, next_run_at=first, paused_until=paused_until, ends_at=ends_at)
    firing = plan(late, now)

    due = [first, *late.timetable.between(first, now, 10**6)]
    stretches = sorted([(at, at, 1) for at in ran(firing)] + [note[1:] for note in notes(firing)])
    assert [(due[bisect_left(due, start)], due[bisect_left(due, stop)]) for start, stop, _ in stretches] == [
        (start, stop) for start, stop, _ in stretches
    ]
    lengths = [bisect_left(due, stop) - bisect_left(due, start) + 1 for start, stop, _ in stretches]
    assert lengths == [count for *_, count in stretches]
    assert sum(lengths) == len(due)
    assert all(stop < start for (_, stop, _), (start, _, _) in pairwise(stretches))
    assert len(firing.runs) <= late.catch_up_limit
    assert firing.then is None or firing.then > now
    rules = Rules(late, now, due[-1])
    for note in firing.notes:
        assert {rules.verdict(at) or rules.superseded for at in (note.first, note.last)} == {note.verdict}


@settings(deadline=None)
@given(columns, ages)
def test_no_instant_runs_against_the_policies(columns: dict[str, Any], downtime: timedelta) -> None:
    first = schedule(**columns).timetable.next(NOON)
    assert first is not None
    late = schedule(**columns, next_run_at=first)
    now = first + downtime
    newest = [first, *late.timetable.between(first, now, 10**6)][-1]
    for run in plan(late, now).runs:
        age, on_time = now - run.at, run.at == newest and now - newest <= MINUTE
        assert late.timetable.excluded(run.at) is None
        assert late.start_deadline is None or age <= late.start_deadline
        assert on_time or late.catch_up != "skip"
        assert on_time or late.catch_up_window is None or age <= late.catch_up_window
        assert run.trigger == ("schedule" if on_time else "catch_up")


# --- Sleepers ---


@pytest.mark.parametrize("catch_up", ["skip", "last", "all"])
def test_a_sleeper_makes_up_once_for_what_it_missed_however_long_ago(catch_up: str) -> None:
    away = {"cron": "0 3 * * *", "next_run_at": NOON - 90 * DAY - 9 * HOUR, "catch_up": catch_up}
    asleep = schedule(profile="sleeper", catch_up_window=60.0, **away)
    firing = plan(asleep, NOON)
    (run,) = firing.runs
    assert (run.at, run.trigger, firing.then) == (NOON - 9 * HOUR, "catch_up", NOON + 15 * HOUR)
    assert MINUTE <= run.run_at - NOON < MINUTE + 10 * SECOND
    assert plan(asleep, NOON) == firing
    assert [(decision, count) for decision, _, _, count in notes(firing)] == [("coalesced", 90)]


def test_a_sleeper_makes_up_for_what_even_a_window_of_a_day_would_give_up() -> None:
    away = {"cron": "0 3 1 * *", "next_run_at": NOON - 21 * DAY - 9 * HOUR}
    assert ran(plan(schedule(profile="sleeper", **away), NOON)) == [away["next_run_at"]]
    assert ran(plan(schedule(**away), NOON)) == []


def test_a_sleeper_that_is_awake_runs_on_time() -> None:
    (run,) = plan(schedule(profile="sleeper", next_run_at=NOON), NOON + 30 * SECOND).runs
    assert (run.trigger, run.run_at) == ("schedule", NOON)
